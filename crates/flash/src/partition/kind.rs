//! Partition types and subtypes.

use core::fmt;

use super::keywords;
use crate::slot::{AppSlot, MAX_OTA_SLOTS};

/// What a partition is for: type and subtype together. Unknown values are kept.
///
/// Two kinds are equal when their bytes on flash are.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Kind {
    /// Type 0x00.
    App(AppKind),
    /// Type 0x01.
    Data(DataKind),
    /// Type 0x02: primary 0, ota 1, recovery 2.
    Bootloader(u8),
    /// Type 0x03: primary 0, ota 1.
    PartitionTable(u8),
    /// Any other type; 0x40 to 0xFE are the user's own.
    Other {
        /// The type byte.
        type_byte: u8,
        /// The subtype byte.
        subtype: u8,
    },
}

/// Subtypes of an app partition.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum AppKind {
    /// 0x00.
    Factory,
    /// 0x10 to 0x1F: `ota_0` to `ota_15`. Only the low four bits of the number count.
    Ota(u8),
    /// 0x20.
    Test,
    /// Any other, 0x30 and 0x31 (TEE apps) among them.
    Other(u8),
}

/// Subtypes of a data partition.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum DataKind {
    /// 0x00: otadata.
    Ota,
    /// 0x01: radio calibration.
    Phy,
    /// 0x02: key-value storage.
    Nvs,
    /// 0x03.
    Coredump,
    /// 0x04.
    NvsKeys,
    /// 0x05: emulated eFuses.
    Efuse,
    /// 0x06.
    Undefined,
    /// 0x80.
    EspHttpd,
    /// 0x81.
    Fat,
    /// 0x82. Also what many `LittleFS` partitions are labelled.
    Spiffs,
    /// 0x83.
    LittleFs,
    /// 0x90.
    TeeOta,
    /// Any other.
    Other(u8),
}

pub(super) const TYPE_APP: u8 = 0x00;
pub(super) const TYPE_DATA: u8 = 0x01;
pub(super) const TYPE_BOOTLOADER: u8 = 0x02;
pub(super) const TYPE_PARTITION_TABLE: u8 = 0x03;
/// Subtype of `ota_0`.
const OTA_MIN: u8 = 0x10;
/// Subtype of `ota_15`.
const OTA_MAX: u8 = OTA_MIN + MAX_OTA_SLOTS - 1;

impl Kind {
    /// The kind of a type and a subtype byte.
    pub const fn from_bytes(type_byte: u8, subtype: u8) -> Self {
        match type_byte {
            TYPE_APP => Self::App(AppKind::from_byte(subtype)),
            TYPE_DATA => Self::Data(DataKind::from_byte(subtype)),
            TYPE_BOOTLOADER => Self::Bootloader(subtype),
            TYPE_PARTITION_TABLE => Self::PartitionTable(subtype),
            _ => Self::Other { type_byte, subtype },
        }
    }

    /// The type byte and the subtype byte.
    pub const fn to_bytes(self) -> (u8, u8) {
        match self {
            Self::App(kind) => (TYPE_APP, kind.to_byte()),
            Self::Data(kind) => (TYPE_DATA, kind.to_byte()),
            Self::Bootloader(subtype) => (TYPE_BOOTLOADER, subtype),
            Self::PartitionTable(subtype) => (TYPE_PARTITION_TABLE, subtype),
            Self::Other { type_byte, subtype } => (type_byte, subtype),
        }
    }

    /// Whether apps lie there.
    pub const fn is_app(self) -> bool {
        self.to_bytes().0 == TYPE_APP
    }

    /// The app slot this partition is, if the bootloader boots from it.
    pub const fn app_slot(self) -> Option<AppSlot> {
        match self {
            Self::App(AppKind::Factory) => Some(AppSlot::Factory),
            Self::App(AppKind::Ota(index)) => Some(AppSlot::Ota(index % MAX_OTA_SLOTS)),
            Self::App(AppKind::Test) => Some(AppSlot::Test),
            _ => None,
        }
    }
}

impl PartialEq for Kind {
    fn eq(&self, other: &Self) -> bool {
        self.to_bytes() == other.to_bytes()
    }
}

impl Eq for Kind {}

/// `app/ota_0`, `data/nvs`; bytes in hex where there is no name.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (type_byte, subtype) = self.to_bytes();
        match keywords::type_name(type_byte) {
            Some(name) => write!(f, "{name}/")?,
            None => write!(f, "{type_byte:#04x}/")?,
        }
        match keywords::subtype_name(type_byte, subtype) {
            Some(name) => f.write_str(name),
            None => write!(f, "{subtype:#04x}"),
        }
    }
}

impl AppKind {
    const fn from_byte(byte: u8) -> Self {
        match byte {
            0x00 => Self::Factory,
            OTA_MIN..=OTA_MAX => Self::Ota(byte - OTA_MIN),
            0x20 => Self::Test,
            other => Self::Other(other),
        }
    }

    const fn to_byte(self) -> u8 {
        match self {
            Self::Factory => 0x00,
            Self::Ota(index) => OTA_MIN + index % MAX_OTA_SLOTS,
            Self::Test => 0x20,
            Self::Other(byte) => byte,
        }
    }
}

impl DataKind {
    const fn from_byte(byte: u8) -> Self {
        match byte {
            0x00 => Self::Ota,
            0x01 => Self::Phy,
            0x02 => Self::Nvs,
            0x03 => Self::Coredump,
            0x04 => Self::NvsKeys,
            0x05 => Self::Efuse,
            0x06 => Self::Undefined,
            0x80 => Self::EspHttpd,
            0x81 => Self::Fat,
            0x82 => Self::Spiffs,
            0x83 => Self::LittleFs,
            0x90 => Self::TeeOta,
            other => Self::Other(other),
        }
    }

    const fn to_byte(self) -> u8 {
        match self {
            Self::Ota => 0x00,
            Self::Phy => 0x01,
            Self::Nvs => 0x02,
            Self::Coredump => 0x03,
            Self::NvsKeys => 0x04,
            Self::Efuse => 0x05,
            Self::Undefined => 0x06,
            Self::EspHttpd => 0x80,
            Self::Fat => 0x81,
            Self::Spiffs => 0x82,
            Self::LittleFs => 0x83,
            Self::TeeOta => 0x90,
            Self::Other(byte) => byte,
        }
    }
}
