//! Who judges the images.

use embedded_storage::nor_flash::ReadNorFlash;
use updraft_flash::partition::Entry;
use updraft_flash::slot::AppSlot;

use super::{Efuse, ImageFault, image};

/// Judges the images in app partitions for the bootloader. The outer error is the flash's.
pub trait Images<F: ReadNorFlash> {
    /// Whether the image at the start of a partition passes the bootloader's verification.
    fn verify(
        &mut self,
        flash: &mut F,
        slot: AppSlot,
        entry: &Entry,
        efuse: &Efuse,
    ) -> Result<Result<(), ImageFault>, F::Error>;

    /// The secure version the image's app descriptor states; `None` without a descriptor.
    fn secure_version(
        &mut self,
        flash: &mut F,
        slot: AppSlot,
        entry: &Entry,
    ) -> Result<Option<u32>, F::Error>;
}

/// Bytes read from flash at once: few calls, and still in the cache when they are hashed.
const CHUNK: usize = 32 * 1024;

/// Verifies what is on the flash, as `esp_image_verify` does: header, chip, segments, checksum and,
/// where the image says it has one, hash. What follows the image in its partition does not matter.
#[derive(Debug)]
pub struct VerifyImages {
    buffer: Vec<u8>,
}

impl VerifyImages {
    /// A judge with its buffer.
    pub fn new() -> Self {
        Self {
            buffer: vec![0; CHUNK],
        }
    }
}

impl Default for VerifyImages {
    fn default() -> Self {
        Self::new()
    }
}

impl<F: ReadNorFlash> Images<F> for VerifyImages {
    fn verify(
        &mut self,
        flash: &mut F,
        _slot: AppSlot,
        entry: &Entry,
        efuse: &Efuse,
    ) -> Result<Result<(), ImageFault>, F::Error> {
        image::verify(flash, entry, efuse, &mut self.buffer)
    }

    fn secure_version(
        &mut self,
        flash: &mut F,
        _slot: AppSlot,
        entry: &Entry,
    ) -> Result<Option<u32>, F::Error> {
        image::secure_version(flash, entry)
    }
}
