//! What lies on an ESP32 flash: partition table, otadata, NVS, slots.
//!
//! Everything works over [`embedded_storage::nor_flash`]'s blocking traits, without `std`.
//! Offsets and sizes are bytes; the smallest erase unit is [`SECTOR_SIZE`].
//!
//! - [`region`]: a bounded window over a flash; code that holds one cannot touch a byte outside it.
//! - [`partition`]: the partition table, what is wrong with one, and ready layouts for virtual devices
//!   and tests; with the feature `csv` (needs an allocator, for hosts) also as CSV.
//! - [`nvs`]: the key-value store of ESP-IDF, read and written.
//! - [`otadata`]: which slot boots: the two records, ESP-IDF's own rules for changing them, and
//!   stricter ones for our agent.
//! - [`slot`]: the names of the places an app can boot from.
#![no_std]

#[cfg(feature = "csv")]
extern crate alloc;

pub mod nvs;
pub mod otadata;
pub mod partition;
pub mod region;
pub mod slot;

/// The smallest unit a SPI NOR flash erases, and the unit otadata and NVS are built on: 4 KiB.
pub const SECTOR_SIZE: u32 = 4096;
