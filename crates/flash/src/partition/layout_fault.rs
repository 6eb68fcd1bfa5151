//! What is wrong, or will hurt, in how a table lays out the flash.

use super::Severity;

/// A finding about a layout: a fault or a warning, as [`LayoutFault::severity`] says. Indices count
/// entries from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LayoutFault {
    /// More entries than fit beside MD5 record and end marker.
    TooManyEntries {
        /// How many there are.
        count: usize,
    },
    /// Two partitions share flash.
    Overlap {
        /// The one earlier in the table.
        first: usize,
        /// The later one.
        second: usize,
    },
    /// A partition begins off its alignment.
    NotAligned {
        /// Which.
        index: usize,
        /// Where it begins.
        offset: u32,
        /// The alignment it needs, in bytes.
        unit: u32,
    },
    /// A partition's size is not a whole number of the units it can be erased, or signed, in.
    /// A fault for apps, a warning for others.
    UnevenSize {
        /// Which.
        index: usize,
        /// Its size in bytes.
        size: u32,
        /// The unit in bytes.
        unit: u32,
        /// Whether it is an app.
        app: bool,
    },
    /// A partition of no bytes.
    ZeroSize {
        /// Which.
        index: usize,
    },
    /// A partition lies on the partition table or before it.
    OnTable {
        /// Which.
        index: usize,
        /// Where it begins.
        offset: u32,
        /// The first byte after the table.
        table_end: u32,
    },
    /// A partition reaches past the flash.
    OutsideFlash {
        /// Which.
        index: usize,
        /// Where it ends, in bytes from the flash's start.
        end: u64,
        /// Bytes of flash.
        capacity: u32,
    },
    /// The bootloader is to have more bytes than there are before the partition table.
    BootloaderOverTable {
        /// Which entry.
        index: usize,
        /// Where the bootloader would end.
        end: u64,
        /// Where the table begins.
        table_offset: u32,
    },
    /// Two partitions have the same label.
    DuplicateLabel {
        /// The one earlier in the table.
        first: usize,
        /// The later one.
        second: usize,
    },
    /// There are two otadata, or two TEE otadata partitions.
    DuplicateOtadata {
        /// The one earlier in the table.
        first: usize,
        /// The later one.
        second: usize,
    },
    /// otadata, or TEE otadata, is not 8 KiB.
    OtadataSize {
        /// Which entry.
        index: usize,
        /// Its size in bytes.
        size: u32,
    },
    /// otadata or the core dump is marked read-only, and has to be written.
    MustBeWritable {
        /// Which.
        index: usize,
    },
    /// NVS of fewer than three sectors that is not marked read-only.
    NvsTooSmall {
        /// Which.
        index: usize,
        /// Its size in bytes.
        size: u32,
    },
    /// Two app partitions have the same subtype: only one of them is ever found.
    DuplicateApp {
        /// The one earlier in the table.
        first: usize,
        /// The later one.
        second: usize,
    },
    /// There are OTA slots and no otadata to choose among them.
    NoOtadata,
    /// There is otadata and no OTA slot to choose.
    NoSlots,
    /// `ota_N` exists and an OTA slot before it does not, so the bootloader never reaches it.
    OtaGap {
        /// The missing slot.
        missing: u8,
        /// The one that cannot be reached.
        beyond: u8,
    },
    /// There is one OTA slot: once it runs, there is nowhere to write an update.
    SingleSlot {
        /// Which entry.
        index: usize,
    },
    /// OTA slots of different sizes: an app that fits one may not fit the next.
    SlotSizes {
        /// The smallest.
        smallest: usize,
        /// The largest.
        largest: usize,
    },
    /// An OTA slot marked read-only.
    SlotReadOnly {
        /// Which.
        index: usize,
    },
    /// There is no app partition: nothing boots.
    NoApp,
    /// An app partition larger than the address space apps are mapped to.
    AppTooLarge {
        /// Which.
        index: usize,
        /// Its size in bytes.
        size: u32,
    },
    /// There is no NVS partition that can be written; the updater keeps its records there.
    NoNvs,
    /// A label of more than 16 bytes: the rest of it is lost.
    LabelTooLong {
        /// Which.
        index: usize,
        /// Its length in bytes.
        len: usize,
    },
    /// Two labels that become the same when cut to 16 bytes.
    LabelsClash {
        /// The one earlier in the table.
        first: usize,
        /// The later one.
        second: usize,
    },
    /// A label that is the keyword of another kind of partition.
    LabelIsKeyword {
        /// Which.
        index: usize,
    },
    /// Flag bits nobody knows.
    UnknownFlags {
        /// Which.
        index: usize,
        /// All flags.
        flags: u32,
    },
    /// `www_0` without `www_1`, or the other way around.
    WwwAlone {
        /// The one there is.
        index: usize,
    },
    /// `www_0` and `www_1` of different sizes.
    WwwSizes {
        /// `www_0`.
        first: usize,
        /// `www_1`.
        second: usize,
    },
    /// `www_0` or `www_1` is not of subtype `littlefs`.
    WwwKind {
        /// Which.
        index: usize,
    },
    /// The table has no MD5 record, and apps built as usual refuse such a table.
    NoMd5,
}

impl LayoutFault {
    /// Stable name of this finding.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooManyEntries { .. } => "partition_too_many",
            Self::Overlap { .. } => "partition_overlap",
            Self::NotAligned { .. } => "partition_not_aligned",
            Self::UnevenSize { .. } => "partition_uneven_size",
            Self::ZeroSize { .. } => "partition_zero_size",
            Self::OnTable { .. } => "partition_on_table",
            Self::OutsideFlash { .. } => "partition_outside_flash",
            Self::BootloaderOverTable { .. } => "partition_bootloader_over_table",
            Self::DuplicateLabel { .. } => "partition_duplicate_label",
            Self::DuplicateOtadata { .. } => "partition_duplicate_otadata",
            Self::OtadataSize { .. } => "partition_otadata_size",
            Self::MustBeWritable { .. } => "partition_must_be_writable",
            Self::NvsTooSmall { .. } => "partition_nvs_too_small",
            Self::DuplicateApp { .. } => "partition_duplicate_app",
            Self::NoOtadata => "partition_no_otadata",
            Self::NoSlots => "partition_no_slots",
            Self::OtaGap { .. } => "partition_ota_gap",
            Self::SingleSlot { .. } => "partition_single_slot",
            Self::SlotSizes { .. } => "partition_slot_sizes",
            Self::SlotReadOnly { .. } => "partition_slot_read_only",
            Self::NoApp => "partition_no_app",
            Self::AppTooLarge { .. } => "partition_app_too_large",
            Self::NoNvs => "partition_no_nvs",
            Self::LabelTooLong { .. } => "partition_label_too_long",
            Self::LabelsClash { .. } => "partition_labels_clash",
            Self::LabelIsKeyword { .. } => "partition_label_is_keyword",
            Self::UnknownFlags { .. } => "partition_unknown_flags",
            Self::WwwAlone { .. } => "partition_www_alone",
            Self::WwwSizes { .. } => "partition_www_sizes",
            Self::WwwKind { .. } => "partition_www_kind",
            Self::NoMd5 => "partition_no_md5",
        }
    }

    /// Whether the table cannot be used, or can and will hurt.
    pub const fn severity(&self) -> Severity {
        match self {
            Self::TooManyEntries { .. }
            | Self::Overlap { .. }
            | Self::NotAligned { .. }
            | Self::UnevenSize { app: true, .. }
            | Self::OnTable { .. }
            | Self::OutsideFlash { .. }
            | Self::BootloaderOverTable { .. }
            | Self::DuplicateLabel { .. }
            | Self::DuplicateOtadata { .. }
            | Self::OtadataSize { .. }
            | Self::MustBeWritable { .. }
            | Self::NvsTooSmall { .. } => Severity::Fault,
            _ => Severity::Warning,
        }
    }

    /// Whether [`Table::check_layout`](super::Table::check_layout) refuses the table for it: every
    /// fault, and the warnings after which slots are confused with one another or bytes of two
    /// partitions share a sector.
    pub const fn breaks_slots(&self) -> bool {
        matches!(self.severity(), Severity::Fault)
            || matches!(
                self,
                Self::UnevenSize { .. }
                    | Self::ZeroSize { .. }
                    | Self::DuplicateApp { .. }
                    | Self::NoOtadata
                    | Self::OtaGap { .. }
            )
    }

    /// The entries it is about.
    pub fn entries(&self) -> impl Iterator<Item = usize> + use<> {
        let [first, second] = match *self {
            Self::Overlap { first, second }
            | Self::DuplicateLabel { first, second }
            | Self::DuplicateOtadata { first, second }
            | Self::DuplicateApp { first, second }
            | Self::LabelsClash { first, second }
            | Self::WwwSizes { first, second } => [Some(first), Some(second)],
            Self::SlotSizes { smallest, largest } => [Some(smallest), Some(largest)],
            Self::NotAligned { index, .. }
            | Self::UnevenSize { index, .. }
            | Self::ZeroSize { index }
            | Self::OnTable { index, .. }
            | Self::OutsideFlash { index, .. }
            | Self::BootloaderOverTable { index, .. }
            | Self::OtadataSize { index, .. }
            | Self::MustBeWritable { index }
            | Self::NvsTooSmall { index, .. }
            | Self::SingleSlot { index }
            | Self::SlotReadOnly { index }
            | Self::AppTooLarge { index, .. }
            | Self::LabelTooLong { index, .. }
            | Self::LabelIsKeyword { index }
            | Self::UnknownFlags { index, .. }
            | Self::WwwAlone { index }
            | Self::WwwKind { index } => [Some(index), None],
            Self::TooManyEntries { .. }
            | Self::NoOtadata
            | Self::NoSlots
            | Self::OtaGap { .. }
            | Self::NoApp
            | Self::NoNvs
            | Self::NoMd5 => [None, None],
        };
        first.into_iter().chain(second)
    }
}
