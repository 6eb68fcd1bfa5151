//! An ESP32-C3 without the chip: runs the firmware's own machine code.
//!
//! [`VirtualChip`] takes a whole flash image, boots it as ESP-IDF's bootloader does, and runs what
//! it finds there instruction by instruction, with the peripherals that Espressif's QEMU has for
//! its `esp32c3` machine. What QEMU does not have, this chip has not either: there is no radio and
//! no RTC watchdog, every reset looks like power coming on, and unknown registers read as zero.
//!
//! - [`ethernet`]: what the chip's Ethernet is plugged into.
//! - [`user_network`]: a gateway to this host's loopback at the other end of that cable.
//! - [`VirtualChip`]: the chip, its power and its time.
//! - [`Event`]: what can be seen from outside.
//!
//! The mask ROM's functions are functions of the host here ([`ChipFault::UnknownRom`] names one
//! that is missing).

mod boot;
mod builder;
mod chip;
mod clock;
mod cpu;
pub mod ethernet;
mod event;
mod fault;
mod handle;
mod memory;
mod peripherals;
mod rom;
pub mod user_network;

pub use builder::Builder;
pub use chip::{Ended, VirtualChip};
pub use event::{Event, ResetCause};
pub use fault::ChipFault;
pub use handle::ChipHandle;
