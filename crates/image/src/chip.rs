//! The chips an image can be for, and what of each chip an image depends on.
//!
//! Identifiers and mapped ranges are those of ESP-IDF's `esp_app_format.h` and `soc.h` of each chip; bootloader offsets
//! are esptool's.

use core::fmt;
use core::ops::Range;
use core::str::FromStr;

const KIB: u32 = 1024;

/// MMU page size of every chip that has no choice, and the default of those that have one, in bytes.
pub const DEFAULT_MMU_PAGE: u32 = 64 * KIB;

/// A chip of the ESP32 family, as named by the `chip_id` of an image header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Chip {
    /// ESP32.
    Esp32,
    /// ESP32-S2.
    Esp32s2,
    /// ESP32-C3.
    Esp32c3,
    /// ESP32-S3.
    Esp32s3,
    /// ESP32-C2 (sold as ESP8684).
    Esp32c2,
    /// ESP32-C6.
    Esp32c6,
    /// ESP32-H2.
    Esp32h2,
    /// ESP32-P4.
    Esp32p4,
    /// ESP32-C61.
    Esp32c61,
    /// ESP32-C5.
    Esp32c5,
    /// ESP32-H21.
    Esp32h21,
    /// ESP32-H4.
    Esp32h4,
    /// ESP32-S31.
    Esp32s31,
}

impl Chip {
    /// Every chip, in order of identifier.
    pub const ALL: [Chip; 13] = [
        Chip::Esp32,
        Chip::Esp32s2,
        Chip::Esp32c3,
        Chip::Esp32s3,
        Chip::Esp32c2,
        Chip::Esp32c6,
        Chip::Esp32h2,
        Chip::Esp32p4,
        Chip::Esp32c61,
        Chip::Esp32c5,
        Chip::Esp32h21,
        Chip::Esp32h4,
        Chip::Esp32s31,
    ];

    /// The `chip_id` of an image header.
    pub const fn id(self) -> u16 {
        match self {
            Chip::Esp32 => 0x00,
            Chip::Esp32s2 => 0x02,
            Chip::Esp32c3 => 0x05,
            Chip::Esp32s3 => 0x09,
            Chip::Esp32c2 => 0x0C,
            Chip::Esp32c6 => 0x0D,
            Chip::Esp32h2 => 0x10,
            Chip::Esp32p4 => 0x12,
            Chip::Esp32c61 => 0x14,
            Chip::Esp32c5 => 0x17,
            Chip::Esp32h21 => 0x19,
            Chip::Esp32h4 => 0x1C,
            Chip::Esp32s31 => 0x20,
        }
    }

    /// The chip with this `chip_id`, if it is one known here.
    pub fn from_id(id: u16) -> Option<Chip> {
        Chip::ALL.into_iter().find(|chip| chip.id() == id)
    }

    /// The name esptool uses, such as `esp32c3`.
    pub const fn name(self) -> &'static str {
        match self {
            Chip::Esp32 => "esp32",
            Chip::Esp32s2 => "esp32s2",
            Chip::Esp32c3 => "esp32c3",
            Chip::Esp32s3 => "esp32s3",
            Chip::Esp32c2 => "esp32c2",
            Chip::Esp32c6 => "esp32c6",
            Chip::Esp32h2 => "esp32h2",
            Chip::Esp32p4 => "esp32p4",
            Chip::Esp32c61 => "esp32c61",
            Chip::Esp32c5 => "esp32c5",
            Chip::Esp32h21 => "esp32h21",
            Chip::Esp32h4 => "esp32h4",
            Chip::Esp32s31 => "esp32s31",
        }
    }

    /// Where the second-stage bootloader lies in flash, in bytes.
    pub const fn bootloader_offset(self) -> u32 {
        match self {
            Chip::Esp32 | Chip::Esp32s2 => 0x1000,
            Chip::Esp32p4 | Chip::Esp32c5 | Chip::Esp32h4 | Chip::Esp32s31 => 0x2000,
            _ => 0,
        }
    }

    /// The MMU page sizes the chip can be configured for, in bytes, smallest first.
    pub const fn mmu_pages(self) -> &'static [u32] {
        match self {
            Chip::Esp32c2 => &[16 * KIB, 32 * KIB, 64 * KIB],
            Chip::Esp32c6 | Chip::Esp32c61 | Chip::Esp32h2 | Chip::Esp32h21 | Chip::Esp32h4 => {
                &[8 * KIB, 16 * KIB, 32 * KIB, 64 * KIB]
            }
            Chip::Esp32s31 => &[32 * KIB, 64 * KIB, 128 * KIB, 256 * KIB],
            _ => &[DEFAULT_MMU_PAGE],
        }
    }

    /// The MMU page size in bytes, given the app descriptor's `mmu_page_size` (a power of two's exponent).
    ///
    /// Zero and sizes the chip does not have give the default of 64 KiB, as in ESP-IDF.
    pub fn mmu_page(self, log2: u8) -> u32 {
        let asked = 1u32.checked_shl(u32::from(log2)).unwrap_or(0);
        if self.mmu_pages().contains(&asked) {
            asked
        } else {
            DEFAULT_MMU_PAGE
        }
    }

    /// The address range through which the CPU reads constants from flash.
    ///
    /// `mmu_page` is the page size in bytes; on the ESP32-C6 and ESP32-H2 the range is 256 pages long.
    pub const fn drom(self, mmu_page: u32) -> Range<u32> {
        match self {
            Chip::Esp32 => 0x3F40_0000..0x3F80_0000,
            Chip::Esp32s2 => 0x3F00_0000..0x3FF8_0000,
            Chip::Esp32s3 => 0x3C00_0000..0x3E00_0000,
            Chip::Esp32c2 => 0x3C00_0000..0x3C40_0000,
            Chip::Esp32c3 => 0x3C00_0000..0x3C80_0000,
            _ => self.irom(mmu_page),
        }
    }

    /// The address range through which the CPU executes from flash; see [`Chip::drom`].
    pub const fn irom(self, mmu_page: u32) -> Range<u32> {
        match self {
            Chip::Esp32 => 0x400D_0000..0x4040_0000,
            Chip::Esp32s2 => 0x4008_0000..0x4080_0000,
            Chip::Esp32s3 | Chip::Esp32c5 | Chip::Esp32c61 | Chip::Esp32h4 => {
                0x4200_0000..0x4400_0000
            }
            Chip::Esp32c2 => 0x4200_0000..0x4240_0000,
            Chip::Esp32c3 => 0x4200_0000..0x4280_0000,
            Chip::Esp32c6 | Chip::Esp32h2 => 0x4200_0000..(0x4200_0000 + 256 * mmu_page),
            Chip::Esp32h21 => 0x4200_0000..0x4300_0000,
            Chip::Esp32p4 | Chip::Esp32s31 => 0x4000_0000..0x4400_0000,
        }
    }

    /// Whether an address is mapped from flash rather than copied to RAM.
    pub fn maps(self, address: u32, mmu_page: u32) -> bool {
        self.drom(mmu_page).contains(&address) || self.irom(mmu_page).contains(&address)
    }

    /// Whether the chip is of a generation whose Secure Boot may sign with ECDSA P-384, so that its images need a
    /// SHA-384 as well. The older chips have RSA-3072, or ECDSA with a curve of at most 256 bits.
    pub(crate) const fn may_sign_p384(self) -> bool {
        matches!(
            self,
            Chip::Esp32p4
                | Chip::Esp32c61
                | Chip::Esp32c5
                | Chip::Esp32h21
                | Chip::Esp32h4
                | Chip::Esp32s31
        )
    }
}

impl fmt::Display for Chip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The error of [`Chip::from_str`]: no chip has this name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownChip;

impl UnknownChip {
    /// Stable identifier of this error.
    pub const fn code(self) -> &'static str {
        "unknown_chip"
    }
}

impl fmt::Display for UnknownChip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no such chip; the known ones are ")?;
        for (index, chip) in Chip::ALL.into_iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(f, "{separator}{chip}")?;
        }
        Ok(())
    }
}

impl core::error::Error for UnknownChip {}

impl FromStr for Chip {
    type Err = UnknownChip;

    /// Reads a chip's name in any case, with or without dashes and underscores: `ESP32-C3`, `esp32c3`.
    fn from_str(text: &str) -> Result<Self, UnknownChip> {
        let spelled = || text.bytes().filter(|byte| !matches!(byte, b'-' | b'_'));
        Chip::ALL
            .into_iter()
            .find(|chip| {
                spelled()
                    .map(|byte| byte.to_ascii_lowercase())
                    .eq(chip.name().bytes())
            })
            .ok_or(UnknownChip)
    }
}
