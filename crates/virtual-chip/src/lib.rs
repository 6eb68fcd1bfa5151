//! An ESP32-C3 without the chip: runs the firmware's own machine code.
//!
//! - [`ethernet`]: what the chip's Ethernet is plugged into.

pub mod ethernet;
