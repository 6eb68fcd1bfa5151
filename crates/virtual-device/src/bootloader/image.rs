//! The bootloader's verification of an image in its partition (`esp_image_format.c`).
//!
//! Written apart from `updraft-image` on purpose. That crate judges files, more strictly than a
//! device does; this judges flash, exactly as a device does, and so checks the other.

use embedded_storage::nor_flash::ReadNorFlash;
use sha2::{Digest, Sha256};
use updraft_flash::partition::Entry;
use updraft_image::{
    APP_DESCRIPTOR_MAGIC, APP_DESCRIPTOR_OFFSET, APP_DESCRIPTOR_SIZE, Chip, Header, IMAGE_MAGIC,
    MAX_IMAGE_SIZE, MAX_SEGMENTS, SEGMENT_LIMIT,
};

use super::{Efuse, ImageFault};

/// Start value of the checksum.
const CHECKSUM_SEED: u8 = 0xEF;
/// The checksum is the last byte of a block of this many bytes.
const CHECKSUM_BLOCK: u32 = 16;
/// Length of the appended SHA-256 in bytes.
const HASH_SIZE: u32 = 32;
/// Where the app descriptor has the exponent of the MMU page size.
const DESCRIPTOR_MMU_PAGE: usize = 180;
/// Where the app descriptor has the secure version.
const DESCRIPTOR_SECURE_VERSION: u32 = 4;

/// Verifies the image at the start of a partition, reading as much as `buffer` holds at once.
pub(super) fn verify<F: ReadNorFlash>(
    flash: &mut F,
    entry: &Entry,
    efuse: &Efuse,
    buffer: &mut [u8],
) -> Result<Result<(), ImageFault>, F::Error> {
    let mut walk = Walk {
        flash,
        entry: *entry,
        at: 0,
        hasher: Sha256::new(),
        checksum: CHECKSUM_SEED,
        buffer,
    };
    match walk.image(efuse) {
        Ok(()) => Ok(Ok(())),
        Err(Stop::Fault(fault)) => Ok(Err(fault)),
        Err(Stop::Flash(error)) => Err(error),
    }
}

/// The secure version in the app descriptor of the image in a partition.
pub(super) fn secure_version<F: ReadNorFlash>(
    flash: &mut F,
    entry: &Entry,
) -> Result<Option<u32>, F::Error> {
    let mut word = [0; 4];
    let at = entry.offset + APP_DESCRIPTOR_OFFSET as u32;
    flash.read(at, &mut word)?;
    if u32::from_le_bytes(word) != APP_DESCRIPTOR_MAGIC {
        return Ok(None);
    }
    flash.read(at + DESCRIPTOR_SECURE_VERSION, &mut word)?;
    Ok(Some(u32::from_le_bytes(word)))
}

/// Why a walk ends early.
enum Stop<E> {
    Fault(ImageFault),
    Flash(E),
}

impl<E> From<ImageFault> for Stop<E> {
    fn from(fault: ImageFault) -> Self {
        Self::Fault(fault)
    }
}

/// Goes through an image from its start, hashing what it reads.
struct Walk<'a, F> {
    flash: &'a mut F,
    entry: Entry,
    /// Bytes read so far.
    at: u32,
    hasher: Sha256,
    checksum: u8,
    buffer: &'a mut [u8],
}

impl<F: ReadNorFlash> Walk<'_, F> {
    fn image(&mut self, efuse: &Efuse) -> Result<(), Stop<F::Error>> {
        let size = self.entry.size;
        if size > MAX_IMAGE_SIZE {
            return Err(ImageFault::PartitionTooBig { size }.into());
        }
        let header = Header::parse(&self.take()?);
        check_header(&header, efuse)?;
        let mut page = efuse.chip().mmu_page(0);
        for index in 0..header.segment_count {
            self.segment(index, efuse.chip(), &mut page)?;
        }
        let pad = CHECKSUM_BLOCK - self.at % CHECKSUM_BLOCK;
        let found = self.pass(pad, false)?;
        if found != self.checksum {
            let expected = self.checksum;
            return Err(ImageFault::Checksum { found, expected }.into());
        }
        // Any other value than 1 means no hash; the checksum is then all there is.
        if header.hash_appended == 1 {
            let computed: [u8; HASH_SIZE as usize] = self.hasher.clone().finalize().into();
            if self.take::<{ HASH_SIZE as usize }>()? != computed {
                return Err(ImageFault::Hash.into());
            }
        }
        Ok(())
    }

    fn segment(&mut self, index: u8, chip: Chip, page: &mut u32) -> Result<(), Stop<F::Error>> {
        let address = u32::from_le_bytes(self.take()?);
        let len = u32::from_le_bytes(self.take()?);
        let first_too_short = index == 0 && len < APP_DESCRIPTOR_SIZE as u32;
        if !len.is_multiple_of(4) || len >= SEGMENT_LIMIT || first_too_short {
            return Err(ImageFault::SegmentLength { index, len }.into());
        }
        if index == 0 && chip.mmu_pages().len() > 1 {
            *page = self.page_size(chip)?;
        }
        let offset = self.entry.offset + self.at;
        if chip.maps(address, *page) && offset % *page != address % *page {
            return Err(ImageFault::SegmentMisplaced {
                index,
                offset,
                address,
            }
            .into());
        }
        self.pass(len, true)?;
        Ok(())
    }

    /// The page size in the app descriptor that begins here, without passing it.
    fn page_size(&mut self, chip: Chip) -> Result<u32, Stop<F::Error>> {
        self.check_fits(APP_DESCRIPTOR_SIZE as u32)?;
        let mut descriptor = [0; APP_DESCRIPTOR_SIZE];
        self.flash
            .read(self.entry.offset + self.at, &mut descriptor)
            .map_err(Stop::Flash)?;
        let [a, b, c, d, ..] = descriptor;
        let found = u32::from_le_bytes([a, b, c, d]);
        if found != APP_DESCRIPTOR_MAGIC {
            return Err(ImageFault::NoDescriptor { found }.into());
        }
        Ok(chip.mmu_page(descriptor[DESCRIPTOR_MMU_PAGE]))
    }

    /// Takes and hashes a field.
    fn take<const N: usize>(&mut self) -> Result<[u8; N], Stop<F::Error>> {
        self.check_fits(N as u32)?;
        let mut bytes = [0; N];
        self.flash
            .read(self.entry.offset + self.at, &mut bytes)
            .map_err(Stop::Flash)?;
        self.hasher.update(bytes);
        self.at += N as u32;
        Ok(bytes)
    }

    /// Passes over bytes, hashing them and, for segment data, adding them to the checksum. Gives the
    /// last byte.
    fn pass(&mut self, len: u32, data: bool) -> Result<u8, Stop<F::Error>> {
        self.check_fits(len)?;
        let end = self.at + len;
        let mut last = 0;
        while self.at < end {
            let part = ((end - self.at) as usize).min(self.buffer.len());
            let (bytes, _) = self.buffer.split_at_mut(part);
            self.flash
                .read(self.entry.offset + self.at, bytes)
                .map_err(Stop::Flash)?;
            self.hasher.update(&*bytes);
            if data {
                self.checksum ^= exclusive_or(bytes);
            }
            last = bytes.last().copied().unwrap_or_default();
            self.at += part as u32;
        }
        Ok(last)
    }

    /// ESP-IDF looks at the length only at the end; the verdict is the same.
    fn check_fits(&self, len: u32) -> Result<(), ImageFault> {
        let len = u64::from(self.at) + u64::from(len);
        let size = self.entry.size;
        if len > u64::from(size) {
            return Err(ImageFault::TooLong { len, size });
        }
        Ok(())
    }
}

fn check_header(header: &Header, efuse: &Efuse) -> Result<(), ImageFault> {
    if header.magic != IMAGE_MAGIC {
        return Err(ImageFault::NoImage {
            found: header.magic,
        });
    }
    let expected = efuse.chip().id();
    if header.chip_id != expected {
        return Err(ImageFault::WrongChip {
            found: header.chip_id,
            expected,
        });
    }
    let revision = efuse.chip_revision();
    let too_new = header.max_chip_rev_set().is_some_and(|max| revision > max);
    if revision < header.min_chip_rev || too_new {
        return Err(ImageFault::WrongRevision {
            min: header.min_chip_rev,
            max: header.max_chip_rev,
            revision,
        });
    }
    if usize::from(header.segment_count) > MAX_SEGMENTS {
        return Err(ImageFault::TooManySegments {
            count: header.segment_count,
        });
    }
    Ok(())
}

/// All bytes combined by exclusive or, in lanes the compiler turns into vector code.
fn exclusive_or(bytes: &[u8]) -> u8 {
    let (blocks, rest) = bytes.as_chunks::<64>();
    let mut lanes = [0_u8; 64];
    for block in blocks {
        for (lane, byte) in lanes.iter_mut().zip(block) {
            *lane ^= byte;
        }
    }
    lanes.iter().chain(rest).fold(0, |sum, byte| sum ^ byte)
}
