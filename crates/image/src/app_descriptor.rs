//! The app descriptor: 256 bytes at offset 0x20, the start of the first segment's data.
//!
//! Layout: ESP-IDF `components/esp_app_format/include/esp_app_desc.h`, `esp_app_desc_t`.

use crate::bytes::{array, u16_at, u32_at};
use crate::fault::{Fault, FaultCode, Value};
use crate::header::HEADER_SIZE;
use crate::segment::SEGMENT_HEADER_SIZE;
use crate::text::Text32;

/// Offset of the app descriptor in an image: after the header and the first segment's header.
pub const APP_DESCRIPTOR_OFFSET: usize = HEADER_SIZE + SEGMENT_HEADER_SIZE;

/// Length of the app descriptor in bytes.
pub const APP_DESCRIPTOR_SIZE: usize = 256;

/// First word of an app descriptor.
pub const APP_DESCRIPTOR_MAGIC: u32 = 0xABCD_5432;

const VERSION: usize = 16;
const PROJECT_NAME: usize = 48;
const TIME: usize = 80;
const DATE: usize = 96;
const IDF_VER: usize = 112;

/// What an app says of itself.
///
/// Text fields need not be terminated or even be text: their accessors give [`FaultCode::DescriptorText`] when they
/// are not UTF-8 or hold control characters. They may be empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AppDescriptor {
    /// Anti-rollback counter: a device whose eFuses hold a higher one refuses the app.
    pub secure_version: u32,
    /// SHA-256 of the ELF file the image was made from: the app's identity after it has booted.
    pub app_elf_sha256: [u8; 32],
    /// Lowest eFuse block revision the app runs on: major × 100 + minor.
    pub min_efuse_block_rev: u16,
    /// Highest eFuse block revision the app runs on; 0 and 65535 mean any.
    pub max_efuse_block_rev: u16,
    /// MMU page size as a power of two's exponent; 0 is the chip's default.
    pub mmu_page_log2: u8,
    /// SPI flash mode the app was built for; 0 in images of ESP-IDF releases that did not write it.
    pub spi_flash_mode: u8,
    version: Text32,
    project_name: Text32,
    time: [u8; 16],
    date: [u8; 16],
    idf_ver: Text32,
}

impl AppDescriptor {
    /// Reads a descriptor.
    ///
    /// # Errors
    /// [`FaultCode::NoAppDescriptor`] when the magic word is another; offsets are those in an image.
    pub fn parse(bytes: &[u8; APP_DESCRIPTOR_SIZE]) -> Result<AppDescriptor, Fault> {
        let magic = u32_at(bytes, 0);
        if magic != APP_DESCRIPTOR_MAGIC {
            return Err(Fault {
                code: FaultCode::NoAppDescriptor,
                offset: APP_DESCRIPTOR_OFFSET as u32,
                found: Value::Hex(magic),
                expected: Value::Hex(APP_DESCRIPTOR_MAGIC),
            });
        }
        Ok(AppDescriptor {
            secure_version: u32_at(bytes, 4),
            version: Text32::from_field(&array::<32>(bytes, VERSION)),
            project_name: Text32::from_field(&array::<32>(bytes, PROJECT_NAME)),
            time: array(bytes, TIME),
            date: array(bytes, DATE),
            idf_ver: Text32::from_field(&array::<32>(bytes, IDF_VER)),
            app_elf_sha256: array(bytes, 144),
            min_efuse_block_rev: u16_at(bytes, 176),
            max_efuse_block_rev: u16_at(bytes, 178),
            mmu_page_log2: array::<1>(bytes, 180)[0],
            spi_flash_mode: array::<1>(bytes, 181)[0],
        })
    }

    /// The app's version, as the build wrote it.
    pub fn version(&self) -> Result<&str, Fault> {
        text(self.version.as_str(), VERSION, self.version)
    }

    /// The name of the project the app was built from.
    pub fn project_name(&self) -> Result<&str, Fault> {
        text(self.project_name.as_str(), PROJECT_NAME, self.project_name)
    }

    /// The project's name as bytes, for comparison.
    pub(crate) fn project_name_field(&self) -> Text32 {
        self.project_name
    }

    /// Time of the build, as the compiler wrote it (`12:34:56`).
    pub fn time(&self) -> Result<&str, Fault> {
        short(&self.time, TIME)
    }

    /// Date of the build, as the compiler wrote it (`Nov 21 2026`).
    pub fn date(&self) -> Result<&str, Fault> {
        short(&self.date, DATE)
    }

    /// Version of ESP-IDF, or of whatever else built the app.
    pub fn idf_ver(&self) -> Result<&str, Fault> {
        text(self.idf_ver.as_str(), IDF_VER, self.idf_ver)
    }

    /// The highest eFuse block revision the app runs on, where it names one.
    pub const fn max_efuse_block_rev_set(&self) -> Option<u16> {
        match self.max_efuse_block_rev {
            0 | u16::MAX => None,
            revision => Some(revision),
        }
    }
}

fn text(text: Option<&str>, field: usize, raw: Text32) -> Result<&str, Fault> {
    text.ok_or(Fault {
        code: FaultCode::DescriptorText,
        offset: (APP_DESCRIPTOR_OFFSET + field) as u32,
        found: Value::Text(raw),
        expected: Value::Words("UTF-8 text without control characters"),
    })
}

fn short(bytes: &[u8; 16], field: usize) -> Result<&str, Fault> {
    let end = bytes.iter().position(|byte| *byte == 0);
    let written = bytes.get(..end.unwrap_or(bytes.len())).unwrap_or_default();
    let read = core::str::from_utf8(written)
        .ok()
        .filter(|text| !text.chars().any(char::is_control));
    text(read, field, Text32::from_field(bytes))
}
