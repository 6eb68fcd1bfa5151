//! Segments: an 8-byte header each, then their data, one after another.
//!
//! Rules: ESP-IDF `components/bootloader_support/src/esp_image_format.c` (`process_segment`, `verify_segment_header`).

use crate::app_descriptor::APP_DESCRIPTOR_SIZE;
use crate::bytes::u32_at;
use crate::chip::{Chip, DEFAULT_MMU_PAGE};
use crate::fault::{Fault, FaultCode, Value};
use crate::header::{HEADER_SIZE, MAX_SEGMENTS};

/// Length of a segment's header in bytes.
pub const SEGMENT_HEADER_SIZE: usize = 8;

/// A segment's data must be shorter than this many bytes (16 MiB, what the flash bus addresses with 24 bits).
pub const SEGMENT_LIMIT: u32 = 0x100_0000;

/// Load addresses below this are skipped by the bootloader: 0 is padding, 4 a reserved block.
const LOWEST_LOADED: u32 = 0x1000_0000;

/// What the bootloader does with a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SegmentKind {
    /// Mapped from flash for reading.
    Drom,
    /// Mapped from flash for execution (on chips with one range for both: for either).
    Irom,
    /// Copied to RAM.
    Ram,
    /// Skipped; fills the gap before a mapped segment.
    Padding,
}

impl SegmentKind {
    /// A short name: `drom`, `irom`, `ram`, `padding`.
    pub const fn name(self) -> &'static str {
        match self {
            SegmentKind::Drom => "drom",
            SegmentKind::Irom => "irom",
            SegmentKind::Ram => "ram",
            SegmentKind::Padding => "padding",
        }
    }
}

/// One segment of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    /// Its place in the image, from 0.
    pub index: u8,
    /// Address at which the app sees it.
    pub load_address: u32,
    /// Offset of its data in the file in bytes; its header is the 8 bytes before.
    pub offset: u32,
    /// Length of its data in bytes.
    pub len: u32,
    /// What the bootloader does with it.
    pub kind: SegmentKind,
}

impl Segment {
    /// Reads the segment whose header starts at `header_offset` of the file.
    pub(crate) fn parse(
        bytes: [u8; SEGMENT_HEADER_SIZE],
        index: u8,
        header_offset: u32,
        chip: Chip,
        mmu_page: u32,
    ) -> Segment {
        let load_address = u32_at(&bytes, 0);
        Segment {
            index,
            load_address,
            offset: header_offset.saturating_add(SEGMENT_HEADER_SIZE as u32),
            len: u32_at(&bytes, 4),
            kind: kind(load_address, chip, mmu_page),
        }
    }

    /// Checks the rules every segment header must keep.
    ///
    /// # Errors
    /// In the bootloader's order: [`FaultCode::SegmentLength`], [`FaultCode::SegmentTooLong`],
    /// [`FaultCode::FirstSegmentTooShort`], [`FaultCode::SegmentMisplaced`].
    pub(crate) fn check(&self, mmu_page: u32) -> Result<(), Fault> {
        let length_offset = self.offset.saturating_sub(4);
        let length = |code, expected| {
            Err(Fault {
                code,
                offset: length_offset,
                found: Value::Bytes(self.len),
                expected,
            })
        };
        if !self.len.is_multiple_of(4) {
            return length(FaultCode::SegmentLength, Value::MultipleOf(4));
        }
        if self.len >= SEGMENT_LIMIT {
            return length(FaultCode::SegmentTooLong, Value::AtMost(SEGMENT_LIMIT - 4));
        }
        if self.index == 0 && self.len < APP_DESCRIPTOR_SIZE as u32 {
            return length(
                FaultCode::FirstSegmentTooShort,
                Value::AtLeast(APP_DESCRIPTOR_SIZE as u32),
            );
        }
        let mapped = matches!(self.kind, SegmentKind::Drom | SegmentKind::Irom);
        // App partitions start on a 64 KiB boundary, a multiple of every smaller page; the offset in the file then
        // stands for the flash address. Larger pages (ESP32-S31) are compared up to what the partition guarantees.
        let page = mmu_page.min(DEFAULT_MMU_PAGE);
        if mapped && self.offset % page != self.load_address % page {
            return Err(Fault {
                code: FaultCode::SegmentMisplaced,
                offset: self.offset.saturating_sub(SEGMENT_HEADER_SIZE as u32),
                found: Value::Hex(self.load_address),
                expected: Value::AddressEnding {
                    page,
                    ending: self.offset % page,
                },
            });
        }
        Ok(())
    }

    /// Offset of the first byte after the data.
    pub const fn end(&self) -> u32 {
        self.offset.saturating_add(self.len)
    }
}

fn kind(address: u32, chip: Chip, mmu_page: u32) -> SegmentKind {
    if chip.irom(mmu_page).contains(&address) {
        SegmentKind::Irom
    } else if chip.drom(mmu_page).contains(&address) {
        SegmentKind::Drom
    } else if address < LOWEST_LOADED {
        SegmentKind::Padding
    } else {
        SegmentKind::Ram
    }
}

/// The segments of a verified image, in file order: 1 to 16 of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segments {
    // Load address and length; the rest follows from these, which keeps the verifier small.
    table: [(u32, u32); MAX_SEGMENTS],
    count: u8,
    chip: Chip,
    mmu_page: u32,
}

impl Segments {
    pub(crate) const fn new(chip: Chip, mmu_page: u32) -> Segments {
        Segments {
            table: [(0, 0); MAX_SEGMENTS],
            count: 0,
            chip,
            mmu_page,
        }
    }

    pub(crate) fn push(&mut self, segment: &Segment) {
        if let Some(place) = self.table.get_mut(usize::from(self.count)) {
            *place = (segment.load_address, segment.len);
            self.count += 1;
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        usize::from(self.count)
    }

    /// Whether there is none, which no verified image has.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The segments, in file order.
    pub fn iter(&self) -> impl Iterator<Item = Segment> + '_ {
        let written = self.table.iter().take(self.len());
        let (chip, mmu_page) = (self.chip, self.mmu_page);
        written.zip(0u8..).scan(
            HEADER_SIZE as u32,
            move |at, (&(load_address, len), index)| {
                let offset = at.saturating_add(SEGMENT_HEADER_SIZE as u32);
                *at = offset.saturating_add(len);
                let kind = kind(load_address, chip, mmu_page);
                Some(Segment {
                    index,
                    load_address,
                    offset,
                    len,
                    kind,
                })
            },
        )
    }
}
