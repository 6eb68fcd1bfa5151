//! The findings about a layout in words: what, and what to do.

use core::fmt;

use super::{LABEL_SIZE, LayoutFault, MAX_APP_SIZE, MAX_ENTRIES, MIN_NVS_SIZE};
use crate::otadata;

impl fmt::Display for LayoutFault {
    #[expect(clippy::too_many_lines, reason = "one sentence a variant")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooManyEntries { count } => write!(
                f,
                "{count} partitions; a table holds {MAX_ENTRIES}, one less with an MD5 record"
            ),
            Self::Overlap { first, second } => {
                write!(f, "partitions {first} and {second} overlap")
            }
            Self::NotAligned {
                index,
                offset,
                unit,
            } => write!(
                f,
                "partition {index} begins at {offset:#x}, which is not a multiple of {unit:#x}"
            ),
            Self::UnevenSize {
                index, size, unit, ..
            } => write!(
                f,
                "partition {index} has {size:#x} bytes, not a multiple of {unit:#x}"
            ),
            Self::ZeroSize { index } => write!(f, "partition {index} has no bytes"),
            Self::OnTable {
                index,
                offset,
                table_end,
            } => write!(
                f,
                "partition {index} begins at {offset:#x}, before the partition table ends at \
                 {table_end:#x}"
            ),
            Self::OutsideFlash {
                index,
                end,
                capacity,
            } => write!(
                f,
                "partition {index} ends at {end:#x}; the flash has {capacity:#x} bytes"
            ),
            Self::BootloaderOverTable {
                index,
                end,
                table_offset,
            } => write!(
                f,
                "the bootloader (partition {index}) ends at {end:#x}; the partition table lies at \
                 {table_offset:#x}"
            ),
            Self::DuplicateLabel { first, second } => {
                write!(f, "partitions {first} and {second} have the same label")
            }
            Self::DuplicateOtadata { first, second } => write!(
                f,
                "partitions {first} and {second} are both otadata; only one may be"
            ),
            Self::OtadataSize { index, size } => write!(
                f,
                "otadata (partition {index}) has {size:#x} bytes; it must have {:#x}",
                otadata::PARTITION_SIZE
            ),
            Self::MustBeWritable { index } => write!(
                f,
                "partition {index} is marked readonly, and its kind is always written"
            ),
            Self::NvsTooSmall { index, size } => write!(
                f,
                "NVS (partition {index}) has {size:#x} bytes; to be written it needs {MIN_NVS_SIZE:#x}"
            ),
            Self::DuplicateApp { first, second } => write!(
                f,
                "app partitions {first} and {second} have the same subtype; only one is ever found"
            ),
            Self::NoOtadata => f.write_str("there are OTA slots but no otadata partition"),
            Self::NoSlots => f.write_str("there is otadata but no OTA slot for it to choose"),
            Self::OtaGap { missing, beyond } => write!(
                f,
                "ota_{beyond} is never reached because there is no ota_{missing}"
            ),
            Self::SingleSlot { index } => write!(
                f,
                "partition {index} is the only OTA slot; while it runs, no update can be written"
            ),
            Self::SlotSizes { smallest, largest } => write!(
                f,
                "OTA slots differ in size: partition {smallest} is the smallest, {largest} the largest"
            ),
            Self::SlotReadOnly { index } => {
                write!(f, "OTA slot (partition {index}) is marked readonly")
            }
            Self::NoApp => f.write_str("there is no app partition; nothing would boot"),
            Self::AppTooLarge { index, size } => write!(
                f,
                "app partition {index} has {size:#x} bytes; no app is larger than {MAX_APP_SIZE:#x}"
            ),
            Self::NoNvs => f.write_str("there is no NVS partition the updater could write to"),
            Self::LabelTooLong { index, len } => write!(
                f,
                "the name of partition {index} has {len} bytes; all after {LABEL_SIZE} are lost"
            ),
            Self::LabelsClash { first, second } => write!(
                f,
                "the names of partitions {first} and {second} are the same in their first \
                 {LABEL_SIZE} bytes, which is all the flash keeps"
            ),
            Self::LabelIsKeyword { index } => write!(
                f,
                "partition {index} is named as a type or subtype it is not of"
            ),
            Self::UnknownFlags { index, flags } => {
                write!(f, "partition {index} has unknown flags ({flags:#x})")
            }
            Self::WwwAlone { index } => write!(
                f,
                "partition {index} is one half of a www_0 and www_1 pair; the other is missing"
            ),
            Self::WwwSizes { first, second } => write!(
                f,
                "www_0 (partition {first}) and www_1 (partition {second}) differ in size"
            ),
            Self::WwwKind { index } => write!(
                f,
                "partition {index} is a www slot and not of subtype littlefs"
            ),
            Self::NoMd5 => f.write_str("the table has no MD5 record"),
        }
    }
}

impl core::error::Error for LayoutFault {}

impl LayoutFault {
    /// What to do about it, in a sentence.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::TooManyEntries { .. } => "Remove partitions.",
            Self::Overlap { .. } => {
                "Move one of them, or leave the offsets blank and let them be computed."
            }
            Self::NotAligned { .. } => {
                "Apps begin at a multiple of 64 KiB, all else at one of 4 KiB; a blank offset does that."
            }
            Self::UnevenSize { app: true, .. } => {
                "Sizes of apps are multiples of 4 KiB, with secure boot v1 of 64 KiB."
            }
            Self::UnevenSize { app: false, .. } => {
                "Round the size up to 4 KiB, or what shares the last sector is erased with it."
            }
            Self::ZeroSize { .. } => "Give it a size.",
            Self::OnTable { .. } => {
                "Begin after the sector of the table, or move the table (CONFIG_PARTITION_TABLE_OFFSET)."
            }
            Self::OutsideFlash { .. } => "Make it smaller, or use a module with more flash.",
            Self::BootloaderOverTable { .. } => {
                "Leave the bootloader's size blank, or move the table up \
                 (CONFIG_PARTITION_TABLE_OFFSET) and everything after it."
            }
            Self::DuplicateLabel { .. } | Self::LabelsClash { .. } => "Rename one.",
            Self::DuplicateOtadata { .. } => "Remove one.",
            Self::OtadataSize { .. } => "Give it 0x2000 (8K): two sectors, a record in each.",
            Self::MustBeWritable { .. } | Self::SlotReadOnly { .. } => "Remove the readonly flag.",
            Self::NvsTooSmall { .. } => "Give it 0x3000 (12K) or more, or mark it readonly.",
            Self::DuplicateApp { .. } => "Give one another subtype.",
            Self::NoOtadata => "Add: otadata, data, ota, , 0x2000",
            Self::NoSlots => "Add ota_0 and ota_1, or remove otadata.",
            Self::OtaGap { .. } => "Renumber the slots from ota_0 without a gap.",
            Self::SingleSlot { .. } => "Add ota_1.",
            Self::SlotSizes { .. } => "Make all slots as large as one another.",
            Self::NoApp => "Add a factory app, or ota_0.",
            Self::AppTooLarge { .. } => "Make it 16M at the most.",
            Self::NoNvs => "Add: nvs, data, nvs, , 0x5000",
            Self::LabelTooLong { .. } => "Shorten the name to 16 bytes.",
            Self::LabelIsKeyword { .. } => "Check its type and subtype, or rename it.",
            Self::UnknownFlags { .. } => "Known flags are encrypted (1) and readonly (2).",
            Self::WwwAlone { .. } => "Add the other one, of the same size.",
            Self::WwwSizes { .. } => "Make both as large as one another.",
            Self::WwwKind { .. } => "Make it: data, littlefs",
            Self::NoMd5 => {
                "Build the table with one; apps with CONFIG_PARTITION_TABLE_MD5 (the default) refuse it."
            }
        }
    }
}
