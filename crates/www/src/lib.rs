//! Web assets as a device keeps them: `LittleFS` images with a manifest.
//!
//! - [`littlefs`]: reads `LittleFS` 2.x straight off a flash window, without allocating, and takes
//!   hostile bytes.
//!
//! Offsets and sizes are bytes.
#![no_std]

pub mod littlefs;
