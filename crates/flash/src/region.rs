//! A bounded window over a flash.
//!
//! A [`Region`] is how a session is kept away from the running slot, `factory`, the partition
//! table and the bootloader: it owns a window, its offsets count from the window's start, and
//! every access is checked against the window before the flash sees it.

use core::fmt;

use embedded_storage::nor_flash::{
    ErrorType, MultiwriteNorFlash, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash,
};

/// Bytes `start .. start + size` of a flash, addressed from 0.
///
/// Implements [`ReadNorFlash`] and [`NorFlash`] with window-relative offsets, so a window is used
/// like a whole (small) flash.
pub struct Region<'f, F> {
    flash: &'f mut F,
    start: u32,
    size: u32,
}

impl<F> fmt::Debug for Region<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Region")
            .field("start", &format_args!("{:#x}", self.start))
            .field("size", &format_args!("{:#x}", self.size))
            .finish_non_exhaustive()
    }
}

/// Why a window could not be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WindowError {
    /// The window ends past the flash (or past the window it is taken from).
    OutsideFlash {
        /// First byte of the window asked for.
        start: u32,
        /// Its size in bytes.
        size: u32,
        /// Bytes there are.
        capacity: u32,
    },
    /// Start or size is not a multiple of the flash's erase unit, so that erasing inside the
    /// window could reach outside it.
    NotAligned {
        /// First byte of the window asked for.
        start: u32,
        /// Its size in bytes.
        size: u32,
        /// The flash's erase unit in bytes.
        unit: u32,
    },
}

impl WindowError {
    /// Stable name of this error.
    pub const fn code(self) -> &'static str {
        match self {
            Self::OutsideFlash { .. } => "window_outside_flash",
            Self::NotAligned { .. } => "window_not_aligned",
        }
    }
}

impl fmt::Display for WindowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::OutsideFlash {
                start,
                size,
                capacity,
            } => write!(
                f,
                "window of {size:#x} bytes at {start:#x} does not fit {capacity:#x} bytes of flash; \
                 check the partition table against the flash size"
            ),
            Self::NotAligned { start, size, unit } => write!(
                f,
                "window of {size:#x} bytes at {start:#x} does not lie on {unit:#x}-byte erase units; \
                 align the partition"
            ),
        }
    }
}

impl core::error::Error for WindowError {}

/// Why an access through a [`Region`] failed. `E` is the flash's own error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RegionError<E> {
    /// The access would leave the window. The flash was not touched.
    OutOfBounds {
        /// Offset from the window's start.
        offset: u32,
        /// Bytes asked for.
        len: u32,
        /// The window's size in bytes.
        size: u32,
    },
    /// Offset or length is not a multiple of what this kind of access needs. The flash was not
    /// touched.
    NotAligned {
        /// Offset from the window's start.
        offset: u32,
        /// Bytes asked for.
        len: u32,
        /// The alignment needed, in bytes.
        unit: u32,
    },
    /// The flash failed.
    Flash(E),
}

impl<E> RegionError<E> {
    /// Stable name of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::OutOfBounds { .. } => "region_out_of_bounds",
            Self::NotAligned { .. } => "region_not_aligned",
            Self::Flash(_) => "flash_failed",
        }
    }
}

impl<E: fmt::Debug> fmt::Display for RegionError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfBounds { offset, len, size } => {
                write!(
                    f,
                    "{len:#x} bytes at {offset:#x} leave a window of {size:#x} bytes"
                )
            }
            Self::NotAligned { offset, len, unit } => {
                write!(
                    f,
                    "{len:#x} bytes at {offset:#x} are not aligned to {unit:#x} bytes"
                )
            }
            Self::Flash(error) => write!(f, "flash failed: {error:?}"),
        }
    }
}

impl<E: fmt::Debug> core::error::Error for RegionError<E> {}

impl<E: NorFlashError> NorFlashError for RegionError<E> {
    fn kind(&self) -> NorFlashErrorKind {
        match self {
            Self::OutOfBounds { .. } => NorFlashErrorKind::OutOfBounds,
            Self::NotAligned { .. } => NorFlashErrorKind::NotAligned,
            Self::Flash(error) => error.kind(),
        }
    }
}

impl<'f, F: NorFlash> Region<'f, F> {
    /// Opens the window of `size` bytes at `start`.
    pub fn new(flash: &'f mut F, start: u32, size: u32) -> Result<Self, WindowError> {
        let capacity = u32::try_from(flash.capacity()).unwrap_or(u32::MAX);
        check_window::<F>(start, size, capacity)?;
        Ok(Self { flash, start, size })
    }

    /// The same window for a shorter time, so that a function can take a `Region` by value.
    pub fn reborrow(&mut self) -> Region<'_, F> {
        Region {
            flash: self.flash,
            start: self.start,
            size: self.size,
        }
    }

    /// A smaller window inside this one; `start` counts from this window's start.
    pub fn window(&mut self, start: u32, size: u32) -> Result<Region<'_, F>, WindowError> {
        check_window::<F>(start, size, self.size)?;
        Ok(Region {
            flash: self.flash,
            start: self.start + start,
            size,
        })
    }
}

impl<F> Region<'_, F> {
    /// Where the window starts on the flash, in bytes.
    pub const fn start(&self) -> u32 {
        self.start
    }

    /// The window's size in bytes.
    pub const fn size(&self) -> u32 {
        self.size
    }

    /// Checks an access and gives its place on the flash.
    fn place<E>(&self, offset: u32, len: usize, unit: usize) -> Result<u32, RegionError<E>> {
        let size = self.size;
        let unit = unit as u32;
        let len = u32::try_from(len).unwrap_or(u32::MAX);
        match offset.checked_add(len) {
            Some(end) if end <= size => {}
            _ => return Err(RegionError::OutOfBounds { offset, len, size }),
        }
        if !offset.is_multiple_of(unit) || !len.is_multiple_of(unit) {
            return Err(RegionError::NotAligned { offset, len, unit });
        }
        Ok(self.start + offset)
    }
}

fn check_window<F: NorFlash>(start: u32, size: u32, capacity: u32) -> Result<(), WindowError> {
    match start.checked_add(size) {
        Some(end) if end <= capacity => {}
        _ => {
            return Err(WindowError::OutsideFlash {
                start,
                size,
                capacity,
            });
        }
    }
    let unit = F::ERASE_SIZE as u32;
    if !start.is_multiple_of(unit) || !size.is_multiple_of(unit) {
        return Err(WindowError::NotAligned { start, size, unit });
    }
    Ok(())
}

impl<F: ErrorType> ErrorType for Region<'_, F> {
    type Error = RegionError<F::Error>;
}

impl<F: ReadNorFlash> ReadNorFlash for Region<'_, F> {
    const READ_SIZE: usize = F::READ_SIZE;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Self::Error> {
        let place = self.place(offset, bytes.len(), F::READ_SIZE)?;
        self.flash.read(place, bytes).map_err(RegionError::Flash)
    }

    fn capacity(&self) -> usize {
        self.size as usize
    }
}

impl<F: NorFlash> NorFlash for Region<'_, F> {
    const WRITE_SIZE: usize = F::WRITE_SIZE;
    const ERASE_SIZE: usize = F::ERASE_SIZE;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), Self::Error> {
        let size = self.size;
        let Some(len) = to.checked_sub(from) else {
            return Err(RegionError::OutOfBounds {
                offset: from,
                len: 0,
                size,
            });
        };
        let place = self.place(from, len as usize, F::ERASE_SIZE)?;
        self.flash
            .erase(place, place + len)
            .map_err(RegionError::Flash)
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Self::Error> {
        let place = self.place(offset, bytes.len(), F::WRITE_SIZE)?;
        self.flash.write(place, bytes).map_err(RegionError::Flash)
    }
}

impl<F: MultiwriteNorFlash> MultiwriteNorFlash for Region<'_, F> {}
