//! What the fuzz targets share: a flash in memory, checksums to put right what a mutation broke, and seeds.

mod checksum;
mod image;
mod memory;
mod seeds;

pub use checksum::{crc_from_ones, crc_from_zero};
pub use image::{forge_image, short_image};
pub use memory::Memory;
pub use seeds::{fixture, fixtures, seed};
