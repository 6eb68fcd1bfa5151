//! Sectors that have worn out.

/// How a sector fails, for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SectorFault {
    /// Erasing it reports an error and changes nothing.
    EraseFails,
    /// Programming in it reports an error and changes nothing.
    ProgramFails,
    /// Nothing is reported, but erasing leaves these bits of every byte at 0, as worn cells do.
    /// Only reading back finds it.
    StuckBits(u8),
}
