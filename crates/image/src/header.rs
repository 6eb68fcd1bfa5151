//! The image header: 24 bytes, of which the last 16 are esptool's "extended header".
//!
//! Layout: ESP-IDF `components/bootloader_support/include/esp_app_format.h`, `esp_image_header_t`.

use crate::bytes::{u16_at, u32_at};

/// Length of the image header in bytes.
pub const HEADER_SIZE: usize = 24;

/// First byte of every image.
pub const IMAGE_MAGIC: u8 = 0xE9;

/// Most segments an image may have.
pub const MAX_SEGMENTS: usize = 16;

/// The image header, as read: no field is judged here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// [`IMAGE_MAGIC`] in an image.
    pub magic: u8,
    /// Number of segments that follow.
    pub segment_count: u8,
    /// SPI flash mode: 0 QIO, 1 QOUT, 2 DIO, 3 DOUT, 4 fast read, 5 slow read.
    pub spi_mode: u8,
    /// Low nibble: SPI clock divider (0 is /2, 1 is /3, 2 is /4, 15 is /1). High nibble: flash size, see
    /// [`Header::flash_size`].
    pub spi_speed_size: u8,
    /// Address at which the app starts.
    pub entry_address: u32,
    /// Write-protect pin; 0xEE is none.
    pub wp_pin: u8,
    /// Drive strengths of the SPI pins.
    pub spi_pin_drive: [u8; 3],
    /// Chip identifier; see [`Chip::from_id`](crate::Chip::from_id).
    pub chip_id: u16,
    /// Lowest chip revision in the old encoding; current bootloaders ignore it.
    pub min_chip_rev_legacy: u8,
    /// Lowest chip revision the image runs on: major × 100 + minor.
    pub min_chip_rev: u16,
    /// Highest chip revision the image runs on: major × 100 + minor; 0 and 65535 mean any.
    pub max_chip_rev: u16,
    /// 1 when a SHA-256 follows the checksum, 0 when none does.
    pub hash_appended: u8,
}

impl Header {
    /// Reads a header from the first 24 bytes of an image.
    pub fn parse(bytes: &[u8; HEADER_SIZE]) -> Header {
        let [
            magic,
            segment_count,
            spi_mode,
            spi_speed_size,
            _,
            _,
            _,
            _,
            wp_pin,
            d0,
            d1,
            d2,
            _,
            _,
            min_chip_rev_legacy,
            ..,
            hash_appended,
        ] = *bytes;
        Header {
            magic,
            segment_count,
            spi_mode,
            spi_speed_size,
            entry_address: u32_at(bytes, 4),
            wp_pin,
            spi_pin_drive: [d0, d1, d2],
            chip_id: u16_at(bytes, 12),
            min_chip_rev_legacy,
            min_chip_rev: u16_at(bytes, 15),
            max_chip_rev: u16_at(bytes, 17),
            hash_appended,
        }
    }

    /// The flash mode's name, if the value has one.
    pub const fn spi_mode_name(&self) -> Option<&'static str> {
        Some(match self.spi_mode {
            0 => "QIO",
            1 => "QOUT",
            2 => "DIO",
            3 => "DOUT",
            4 => "FAST_READ",
            5 => "SLOW_READ",
            _ => return None,
        })
    }

    /// The flash size the image was built for, in bytes, if the value has one (1 MiB to 128 MiB).
    pub const fn flash_size(&self) -> Option<u32> {
        let exponent = self.spi_speed_size >> 4;
        if exponent > 7 {
            return None;
        }
        Some(0x10_0000 << exponent)
    }

    /// The highest chip revision the image runs on, where it names one.
    pub const fn max_chip_rev_set(&self) -> Option<u16> {
        match self.max_chip_rev {
            0 | u16::MAX => None,
            revision => Some(revision),
        }
    }
}
