//! A SPI NOR flash chip, as a device's software meets it.
//!
//! [`VirtualFlash`] behaves as the datasheets say: erasing sets whole sectors to 0xFF, programming
//! only clears bits and goes page by page, each takes its time and wears its sector. Power can be
//! cut at any single operation, leaving it undone, half done, or done unnoticed.
//!
//! ```
//! use embedded_storage::nor_flash::{NorFlash, ReadNorFlash};
//! use updraft_virtual_device::nor_flash::{FlashError, FlashSize, Torn, VirtualFlash};
//!
//! let mut flash = VirtualFlash::new(FlashSize::Mb4);
//! flash.cut_power_at(1, Torn::Half { seed: 7 });
//! flash.erase(0x1_0000, 0x2_0000)?; // operation 0: one 64 KiB block
//! assert_eq!(flash.write(0x1_0000, &[0; 256]), Err(FlashError::PowerLost));
//! flash.restore_power();
//! let mut page = [0; 256];
//! flash.read(0x1_0000, &mut page)?;
//! assert_eq!((page[0], page[255]), (0x00, 0xFF));
//! # Ok::<(), FlashError>(())
//! ```

mod backing;
mod cells;
mod error;
mod faults;
mod flash;
mod power;
mod random;
mod stats;
mod timing;

pub use backing::OpenError;
pub use error::FlashError;
pub use faults::SectorFault;
pub use flash::{FlashSize, VirtualFlash};
pub use power::Torn;
pub use stats::{Operation, Stats};
pub use timing::Timing;

pub(crate) use cells::Sector;

/// The smallest unit an erase clears, in bytes.
pub const SECTOR_SIZE: u32 = updraft_flash::SECTOR_SIZE;
/// Most bytes one program operation takes. A write that crosses a page is several operations.
pub const PAGE_SIZE: u32 = 256;
/// The smaller block an erase clears at once, in bytes.
pub const BLOCK_32K: u32 = 32 * 1024;
/// The bigger block an erase clears at once, in bytes.
pub const BLOCK_64K: u32 = 64 * 1024;
