//! ESP32 devices without the chip: flash, bootloader, agent.
//!
//! - [`nor_flash`]: a NOR flash that wears, takes its time, and can lose its power at any operation.
//! - [`bootloader`]: ESP-IDF's second-stage bootloader, checked against its own results.
//! - [`device`]: one device: that flash, that bootloader, and the very updater a chip runs, on the
//!   host's sockets.
//! - [`neighbourhood`]: how it is found on its own network.
//! - [`fleet`]: many of them at once.
//! - [`behaviour`]: what an app does once it runs, read from its image.

pub mod behaviour;
pub mod bootloader;
pub mod conformance;
pub mod device;
pub mod event;
pub mod fleet;
pub mod host;
pub mod neighbourhood;
pub mod nor_flash;
