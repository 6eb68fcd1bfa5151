//! Why a chip cannot go on.

use updraft_virtual_device::nor_flash::FlashError;

/// What stopped the chip. A real one would reset for ever, hang, or run what is not there.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChipFault {
    /// There is no partition table that could be read.
    #[error(
        "no partition table at {offset:#x}: {reason}; write a whole flash image first (updraft image flash)"
    )]
    NoTable {
        /// Where it was looked for, in bytes.
        offset: u32,
        /// What is wrong with what lies there.
        reason: String,
    },
    /// The bootloader found no app to start.
    #[error("nothing boots: {}", log.join("; "))]
    NothingBoots {
        /// What the bootloader decided, step by step.
        log: Vec<String>,
    },
    /// An app that the bootloader chose does not fit the chip's memory.
    #[error("segment of {length} bytes for {address:#010x} does not fit the chip's memory")]
    Segment {
        /// Where it is to be loaded.
        address: u32,
        /// Its size, in bytes.
        length: u32,
    },
    /// The flash failed while booting.
    #[error("the flash failed while booting: {0}")]
    Flash(FlashError),
    /// The program called a function of the mask ROM that this crate does not have.
    #[error(
        "the program called {name} of the mask ROM ({address:#010x}), which is not emulated; {place}"
    )]
    UnknownRom {
        /// The function's name in ESP-IDF's linker scripts.
        name: String,
        /// Its address.
        address: u32,
        /// The processor's state.
        place: String,
    },
    /// The program gave the mask ROM a pointer to where there is no memory.
    #[error(
        "the program gave {name} of the mask ROM the pointer {pointer:#010x}, where there is no memory; {place}"
    )]
    RomPointer {
        /// The function's name in ESP-IDF's linker scripts.
        name: String,
        /// The pointer.
        pointer: u32,
        /// The processor's state.
        place: String,
    },
    /// An exception before the program set up its trap handler.
    #[error("an exception before there is a handler for it: {place}")]
    Unhandled {
        /// The processor's state.
        place: String,
    },
    /// The processor waits for an interrupt that cannot come.
    #[error("the processor waits for an interrupt, and nothing is set up to raise one: {place}")]
    Asleep {
        /// The processor's state.
        place: String,
    },
}

impl ChipFault {
    /// Stable name of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoTable { .. } => "no_partition_table",
            Self::NothingBoots { .. } => "nothing_boots",
            Self::Segment { .. } => "segment_out_of_memory",
            Self::Flash(_) => "flash_failed",
            Self::UnknownRom { .. } => "rom_function_unknown",
            Self::RomPointer { .. } => "rom_pointer",
            Self::Unhandled { .. } => "unhandled_exception",
            Self::Asleep { .. } => "asleep_for_ever",
        }
    }
}
