//! Web assets as a device keeps them: `LittleFS` images with a manifest.
//!
//! - [`littlefs`]: reads `LittleFS` 2.x straight off a flash window, without allocating, and takes
//!   hostile bytes. With feature `build` also makes images.
//! - [`manifest`]: the list of its files that `updraft www pack` puts into an image, and the check of an
//!   image against it, in small steps.
//! - [`serve`]: from the path of an HTTP request to a file and what HTTP says of it.
//!
//! Offsets and sizes are bytes.
#![no_std]

#[cfg(feature = "build")]
extern crate alloc;

pub mod littlefs;
pub mod manifest;
pub mod serve;
mod sha256;
mod text;

pub use sha256::Sha256;
pub use text::Text;
