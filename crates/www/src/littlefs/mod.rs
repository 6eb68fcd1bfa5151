//! A read-only `LittleFS` 2.x for flash that others use too.
//!
//! [`Mount`] is a few words that say where the root is; every call borrows the flash anew, so that
//! a device can serve files between writes of an update. A call reads through a buffer of
//! 256 bytes on the stack and allocates nothing.
//!
//! Images come off the network, so nothing in them is believed: every pointer is checked
//! against the partition, every chain has a named limit, and a broken image is a [`Fault`].
//!
//! Source of the format: `SPEC.md` of the littlefs project (on-disk version 2.1), checked against
//! its C code. What the C code does at run time and the specification leaves open (the choice between
//! two blocks, pending moves, index arithmetic of long files) follows the C code.

#[cfg(feature = "build")]
mod build;
mod crc;
mod ctz;
mod disk;
mod entry;
mod fault;
mod file;
mod find;
mod mount;
mod pair;
mod path;
mod preview;
mod read_all;
mod superblock;
mod tag;
mod walk;

#[cfg(feature = "build")]
pub use build::{BuildFault, Builder, FILE_MAX, INLINE_MAX};
pub use fault::{Fault, MountFault};
pub use file::File;
pub use mount::Mount;
pub use preview::preview;
pub use read_all::{Progress, ReadAll};
pub use walk::{Entry, Node, Walk, WalkStep};

/// Bytes of a block: one erase sector. Images with another block size are refused, as no driver on
/// an ESP32 makes them.
pub const BLOCK_SIZE: u32 = 4096;
/// The on-disk version written: 2.0, which every 2.x driver mounts. 2.1 only adds what a writer
/// uses to tell erased space from written.
pub const DISK_VERSION: u32 = 0x0002_0000;
/// Most bytes of one name in an image built here: the default of `esp_littlefs` and Arduino,
/// whose drivers refuse an image that asks for more.
pub const NAME_MAX: usize = 64;
/// Most bytes of a path, separators included. Longer ones are refused, here and when packing:
/// paths lie in fixed buffers on the device.
pub const MAX_PATH: usize = 255;
/// Most folders on the way to a file. Bundlers nest two or three; a walk keeps
/// [one position](Walk) for each.
pub const MAX_DEPTH: usize = 8;
/// The pointer that points nowhere.
const NULL: u32 = 0xFFFF_FFFF;
