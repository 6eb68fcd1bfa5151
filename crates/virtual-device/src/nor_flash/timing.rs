//! How long the flash takes.

/// Times of one chip at one temperature and age, from its datasheet.
///
/// Programming a page counts in full for part of a page too, which is a little pessimistic for
/// short writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// Programming one page of 256 bytes (tPP), in microseconds.
    pub page_program_us: u32,
    /// Erasing a 4 KiB sector (tSE), in microseconds.
    pub sector_erase_us: u32,
    /// Erasing a 32 KiB block (tBE1), in microseconds.
    pub block_32k_erase_us: u32,
    /// Erasing a 64 KiB block (tBE2), in microseconds.
    pub block_64k_erase_us: u32,
    /// Moving one byte over the bus, in nanoseconds.
    pub bus_ns_per_byte: u32,
}

/// One data line at 40 MHz: 8 bits of 25 ns.
const BUS_40MHZ_NS_PER_BYTE: u32 = 200;

impl Timing {
    /// What a Winbond W25Q32JV/W25Q128JV typically takes.
    pub const TYPICAL: Self = Self {
        page_program_us: 400,
        sector_erase_us: 45_000,
        block_32k_erase_us: 120_000,
        block_64k_erase_us: 150_000,
        bus_ns_per_byte: BUS_40MHZ_NS_PER_BYTE,
    };

    /// The longest the same datasheets allow: worn or cold chips.
    pub const MAXIMUM: Self = Self {
        page_program_us: 3_000,
        sector_erase_us: 400_000,
        block_32k_erase_us: 1_600_000,
        block_64k_erase_us: 2_000_000,
        bus_ns_per_byte: BUS_40MHZ_NS_PER_BYTE,
    };
}

impl Default for Timing {
    fn default() -> Self {
        Self::TYPICAL
    }
}
