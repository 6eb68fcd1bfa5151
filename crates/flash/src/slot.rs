//! The places an app can boot from.

use core::fmt;
use core::str::FromStr;

/// Most OTA slots a partition table can name: subtypes 0x10 to 0x1F, `ota_0` to `ota_15`.
pub const MAX_OTA_SLOTS: u8 = 16;

/// A place an app can boot from. `factory` is never written by Updraft.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AppSlot {
    /// The app the device left the factory with.
    Factory,
    /// `ota_N`.
    Ota(u8),
    /// The test app, booted only while a pin is held or when nothing else boots.
    Test,
}

impl AppSlot {
    /// N of `ota_N`, or `None` for `factory` and `test`.
    pub const fn ota_index(self) -> Option<u8> {
        match self {
            Self::Ota(index) => Some(index),
            Self::Factory | Self::Test => None,
        }
    }
}

impl fmt::Display for AppSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Factory => f.write_str("factory"),
            Self::Ota(index) => write!(f, "ota_{index}"),
            Self::Test => f.write_str("test"),
        }
    }
}

/// The text names no app slot: neither `factory`, `test`, nor `ota_0` to `ota_15`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownSlot;

impl UnknownSlot {
    /// Stable name of this error.
    pub const fn code(self) -> &'static str {
        "unknown_slot"
    }
}

impl fmt::Display for UnknownSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not an app slot; expected factory, test, or ota_0 to ota_15")
    }
}

impl core::error::Error for UnknownSlot {}

impl FromStr for AppSlot {
    type Err = UnknownSlot;

    fn from_str(text: &str) -> Result<Self, UnknownSlot> {
        match text {
            "factory" => Ok(Self::Factory),
            "test" => Ok(Self::Test),
            _ => {
                let digits = text.strip_prefix("ota_").ok_or(UnknownSlot)?;
                // `u8::from_str` would also take "+1" and "01", which name no partition.
                if !digits.bytes().all(|b| b.is_ascii_digit())
                    || (digits.len() > 1 && digits.starts_with('0'))
                {
                    return Err(UnknownSlot);
                }
                match digits.parse::<u8>() {
                    Ok(index) if index < MAX_OTA_SLOTS => Ok(Self::Ota(index)),
                    _ => Err(UnknownSlot),
                }
            }
        }
    }
}
