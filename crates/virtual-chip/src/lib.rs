//! An ESP32-C3 without the chip: runs the firmware's own machine code.
//!
//! - [`ethernet`]: what the chip's Ethernet is plugged into.
//! - [`user_network`]: a gateway to this host's loopback at the other end of that cable.

pub mod ethernet;
pub mod user_network;
