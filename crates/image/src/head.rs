//! The gate: what the first 288 bytes of a file decide, before anything is erased or stored.

use crate::app_descriptor::{APP_DESCRIPTOR_OFFSET, APP_DESCRIPTOR_SIZE, AppDescriptor};
use crate::bytes::{array, u32_at};
use crate::chip::{Chip, DEFAULT_MMU_PAGE};
use crate::expect::Expect;
use crate::fault::{Fault, FaultCode, Value};
use crate::header::{HEADER_SIZE, Header, MAX_SEGMENTS};
use crate::not_firmware;
use crate::segment::{SEGMENT_HEADER_SIZE, Segment, SegmentKind};

/// Bytes the gate needs: header, first segment header and app descriptor.
pub const GATE_SIZE: usize = APP_DESCRIPTOR_OFFSET + APP_DESCRIPTOR_SIZE;

/// First byte of a bootloader descriptor (`esp_bootloader_desc_t`), where an app has its own descriptor.
const BOOTLOADER_DESCRIPTOR_MAGIC: u8 = 0x50;

/// What the first 288 bytes of an image say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The image header.
    pub header: Header,
    /// The chip the header names.
    pub chip: Chip,
    /// MMU page size in bytes that the mapped segments are aligned to.
    pub mmu_page: u32,
    /// What the app says of itself.
    pub app: AppDescriptor,
}

impl Head {
    /// Judges the first 288 bytes of a file, without requirements.
    ///
    /// Tells what is not firmware, bootloaders (and with them merged images of chips whose bootloader lies at 0),
    /// unknown chips, bad segment counts, a missing hash, a first segment that breaks the rules, and a missing app
    /// descriptor. Cannot tell whether the rest of the file is there or sound.
    ///
    /// # Errors
    /// The first fault found; see [`FaultCode`].
    pub fn parse(first: &[u8; GATE_SIZE]) -> Result<Head, Fault> {
        not_firmware::recognise(first)?;
        let header = Header::parse(&array::<HEADER_SIZE>(first, 0));
        let first_segment = array::<SEGMENT_HEADER_SIZE>(first, HEADER_SIZE);
        let descriptor = array::<APP_DESCRIPTOR_SIZE>(first, APP_DESCRIPTOR_OFFSET);
        let app = AppDescriptor::parse(&descriptor);
        let chip = Chip::from_id(header.chip_id);
        if app.is_err() {
            refuse_bootloader(first, chip)?;
        }
        let chip = chip.ok_or(Fault {
            code: FaultCode::UnknownChip,
            offset: 12,
            found: Value::Hex(u32::from(header.chip_id)),
            expected: Value::Words("the identifier of an ESP32 chip"),
        })?;
        check_header(&header)?;
        let mmu_page = app
            .as_ref()
            .map_or(DEFAULT_MMU_PAGE, |app| chip.mmu_page(app.mmu_page_log2));
        Segment::parse(first_segment, 0, HEADER_SIZE as u32, chip, mmu_page).check(mmu_page)?;
        Ok(Head {
            header,
            chip,
            mmu_page,
            app: app?,
        })
    }

    /// Judges the first 288 bytes of a file against the caller's requirements.
    ///
    /// # Errors
    /// Those of [`Head::parse`] and [`Expect::check`], and [`FaultCode::TooLarge`] for a declared size over the limit.
    pub fn gate(first: &[u8; GATE_SIZE], expect: &Expect) -> Result<Head, Fault> {
        let head = Head::parse(first)?;
        expect.check(&head)?;
        expect.check_declared_size()?;
        Ok(head)
    }
}

/// A bootloader says so by its descriptor; one older than descriptors starts with a segment for RAM, which no app does.
fn refuse_bootloader(first: &[u8; GATE_SIZE], chip: Option<Chip>) -> Result<(), Fault> {
    let fault = |offset: usize, found, expected| {
        Err(Fault {
            code: FaultCode::BootloaderImage,
            offset: offset as u32,
            found,
            expected,
        })
    };
    let magic = array::<1>(first, APP_DESCRIPTOR_OFFSET)[0];
    // Bytes 1 and 2 are reserved and zero: 0x50 alone is too little to go by.
    if array::<3>(first, APP_DESCRIPTOR_OFFSET) == [BOOTLOADER_DESCRIPTOR_MAGIC, 0, 0] {
        let expected = Value::Words("an app descriptor");
        return fault(APP_DESCRIPTOR_OFFSET, Value::Byte(magic), expected);
    }
    let Some(chip) = chip else { return Ok(()) };
    let bytes = array::<SEGMENT_HEADER_SIZE>(first, HEADER_SIZE);
    let segment = Segment::parse(bytes, 0, HEADER_SIZE as u32, chip, DEFAULT_MMU_PAGE);
    if segment.kind == SegmentKind::Ram {
        let expected = Value::Words("a first segment mapped from flash");
        return fault(
            HEADER_SIZE,
            Value::Hex(u32_at(first, HEADER_SIZE)),
            expected,
        );
    }
    Ok(())
}

fn check_header(header: &Header) -> Result<(), Fault> {
    let count = u32::from(header.segment_count);
    let (code, offset, found, expected) = if header.segment_count as usize > MAX_SEGMENTS {
        let most = Value::NumberAtMost(MAX_SEGMENTS as u32);
        (FaultCode::TooManySegments, 1, Value::Number(count), most)
    } else if count == 0 {
        (
            FaultCode::NoSegments,
            1,
            Value::Number(0),
            Value::NumberAtLeast(1),
        )
    } else if header.hash_appended == 0 {
        (FaultCode::NoHash, 23, Value::Byte(0), Value::Byte(1))
    } else if header.hash_appended != 1 {
        (
            FaultCode::BadHashFlag,
            23,
            Value::Byte(header.hash_appended),
            Value::Byte(1),
        )
    } else {
        return Ok(());
    };
    Err(Fault {
        code,
        offset,
        found,
        expected,
    })
}
