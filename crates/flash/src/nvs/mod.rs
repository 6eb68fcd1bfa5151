//! NVS, the key-value store of ESP-IDF, in its own format: what we write an ESP-IDF application
//! reads, and the other way round.
//!
//! Values are integers, text and blobs under a key in a namespace. A change survives a power cut at
//! any moment as the old value or the new one, and never disturbs another key; the next
//! [mount](Nvs::mount) repairs what was left. Every change is a few small program operations: the
//! new value is written first, then the old one is marked erased.
//!
//! No allocation, and no index: [`Nvs`] takes 8 bytes of RAM a page, 132 in all, beside the flash
//! driver. The largest tables on the stack are those of a mount: 504 bytes for the items of one
//! page, and after that 8 blobs at a time. A read scans the entries, 32 bytes each, so it takes
//! time in proportion to what is stored.
//!
//! ```
//! # use embedded_storage::nor_flash::{ErrorType, NorFlash, ReadNorFlash};
//! # struct Ram([u8; 3 * 4096]);
//! # impl ErrorType for Ram { type Error = core::convert::Infallible; }
//! # impl ReadNorFlash for Ram {
//! #     const READ_SIZE: usize = 4;
//! #     fn read(&mut self, at: u32, to: &mut [u8]) -> Result<(), Self::Error> {
//! #         to.copy_from_slice(&self.0[at as usize..][..to.len()]); Ok(()) }
//! #     fn capacity(&self) -> usize { self.0.len() }
//! # }
//! # impl NorFlash for Ram {
//! #     const WRITE_SIZE: usize = 4;
//! #     const ERASE_SIZE: usize = 4096;
//! #     fn write(&mut self, at: u32, from: &[u8]) -> Result<(), Self::Error> {
//! #         for (to, from) in self.0[at as usize..].iter_mut().zip(from) { *to &= from; } Ok(()) }
//! #     fn erase(&mut self, from: u32, to: u32) -> Result<(), Self::Error> {
//! #         self.0[from as usize..to as usize].fill(0xFF); Ok(()) }
//! # }
//! use updraft_flash::nvs::Nvs;
//!
//! # let flash = Ram([0xFF; 3 * 4096]);
//! let mut nvs = Nvs::mount(flash, 3 * 4096)?;
//! let boots = nvs.get("updraft", "boots")?.unwrap_or(0_u32);
//! nvs.set("updraft", "boots", boots + 1)?;
//! nvs.set_str("updraft", "token", "s3cret")?;
//! nvs.set_blob("updraft", "offer", &[1, 2, 3])?;
//!
//! let mut buffer = [0; 64];
//! assert_eq!(nvs.get_str("updraft", "token", &mut buffer)?, Some("s3cret"));
//! assert_eq!(nvs.get_blob("updraft", "offer", &mut buffer)?, Some(&[1, 2, 3][..]));
//! assert!(nvs.erase_key("updraft", "offer")?);
//! assert_eq!(nvs.entries().count(), 2);
//! # Ok::<(), updraft_flash::nvs::NvsError<core::convert::Infallible>>(())
//! ```
//!
//! # Where this differs from ESP-IDF
//!
//! Only where a power cut or a fault would otherwise lose a value:
//!
//! - A key has one value, whatever its type (ESP-IDF's default since it has the choice).
//! - A collection that was cut while the old page was being erased is finished from the copy;
//!   ESP-IDF would erase the copy if the old page's header had survived.
//! - When entries are erased, the first of an item goes last and by itself, and empty ones go in
//!   two steps, so that a torn program operation cannot turn a payload into entries or half a
//!   payload into a whole one.
//! - If no page is free but one has nothing left on it, that one is erased; ESP-IDF gives up.
//! - A value that does not match its checksum is reported as [damaged](NvsError::Damaged) and left;
//!   ESP-IDF erases it while reading.
//! - After a failed flash operation nothing is cleaned up at once: the next call repairs first.
//!
//! # Limits
//!
//! [`PAGES_MIN`] to [`PAGES_MAX`] pages of 4 KiB, and not encrypted. The flash must allow a word
//! to be programmed again to clear more of its bits, as every NOR flash does.

mod blob;
mod crc;
mod entry;
mod error;
mod list;
mod mount;
mod mount_blobs;
mod name;
mod namespaces;
mod page;
mod scan;
mod space;
mod store;
mod text;
mod values;

pub use entry::Kind;
pub use error::NvsError;
pub use list::{Entries, Entry};
pub use name::{NAME_MAX, Name};
pub use store::Nvs;
pub use text::TEXT_MAX;
pub use values::Number;

/// The fewest pages: one to write to, one to collect, one free.
pub const PAGES_MIN: usize = 3;

/// The most pages. Each takes 8 bytes of RAM; ESP-IDF's own tables have 4 to 6 pages of NVS.
pub const PAGES_MAX: usize = 16;
