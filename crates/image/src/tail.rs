//! What follows an image in its file: nothing, a signature, or bytes that do not belong there.

use crate::chip::Chip;
use crate::fault::{Fault, FaultCode, Value};
use crate::signature::{
    Digests, SIGNATURE_SECTOR_SIZE, SIGNATURE_V1_SIZE, SectorReader, Signature,
};

/// The bytes behind an image. Which of the three they are is known at the end of the file.
#[derive(Debug, Clone)]
pub(crate) struct Tail {
    image_end: u32,
    chip: Chip,
    /// Whether the first four bytes are zero, as the version word of a v1 signature is.
    version_zero: bool,
    sector: Option<SectorReader>,
}

impl Tail {
    pub(crate) fn new(image_end: u32, chip: Chip) -> Tail {
        Tail {
            image_end,
            chip,
            version_zero: true,
            sector: None,
        }
    }

    pub(crate) fn image_end(&self) -> u32 {
        self.image_end
    }

    /// Where a signature sector would start: the image's end, padded to 4 KiB.
    fn sector_start(&self) -> u32 {
        self.image_end.next_multiple_of(SIGNATURE_SECTOR_SIZE)
    }

    /// Whether the digest for a signature is due with `at` bytes read.
    pub(crate) fn digest_due(&self, at: u32) -> bool {
        self.sector.is_none() && at == self.sector_start()
    }

    pub(crate) fn begin_sector(&mut self, digests: Digests) {
        self.sector = Some(SectorReader::new(self.sector_start(), digests));
    }

    /// Takes the start of `bytes`, which lie at `at`, and says how much.
    pub(crate) fn feed(&mut self, at: u32, bytes: &[u8]) -> Result<usize, Fault> {
        let Some(sector) = &mut self.sector else {
            let to_sector = self.sector_start() - at;
            let padding = bytes.get(..to_sector as usize).unwrap_or(bytes);
            let version = 4u32.saturating_sub(at - self.image_end) as usize;
            self.version_zero &= padding.iter().take(version).all(|byte| *byte == 0);
            return Ok(padding.len());
        };
        let sector_end =
            self.image_end.next_multiple_of(SIGNATURE_SECTOR_SIZE) + SIGNATURE_SECTOR_SIZE;
        let in_sector = sector_end.saturating_sub(at) as usize;
        if in_sector == 0 {
            return Ok(bytes.len());
        }
        let part = bytes.get(..in_sector).unwrap_or(bytes);
        for byte in part {
            sector.push(*byte)?;
        }
        Ok(part.len())
    }

    /// The verdict for a file of `size` bytes.
    pub(crate) fn finish(&self, size: u32) -> Result<Signature, Fault> {
        if size == self.image_end {
            return Ok(Signature::None);
        }
        let v1 = self.image_end + SIGNATURE_V1_SIZE;
        if size == v1 && self.chip == Chip::Esp32 && self.version_zero {
            return Ok(Signature::V1);
        }
        let sector_end = self.sector_start() + SIGNATURE_SECTOR_SIZE;
        if let Some(sector) = &self.sector
            && sector.recognised()
        {
            if size == sector_end {
                return Ok(Signature::V2 {
                    blocks: sector.blocks(),
                });
            }
            if size < sector_end {
                return Err(Fault {
                    code: FaultCode::SignatureIncomplete,
                    offset: size,
                    found: Value::Bytes(size),
                    expected: Value::Bytes(sector_end),
                });
            }
            return Err(trailing(sector_end, size));
        }
        Err(trailing(self.image_end, size))
    }
}

fn trailing(end: u32, size: u32) -> Fault {
    Fault {
        code: FaultCode::TrailingBytes,
        offset: end,
        found: Value::Bytes(size),
        expected: Value::Bytes(end),
    }
}
