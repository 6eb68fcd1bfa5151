//! The updater a device runs: on an ESP32 and, unchanged, on a virtual device.
//!
//! A firmware calls [`guard_boot`] first of all: it counts the boots of a new app, and takes it back where the
//! bootloader does not. [`Updater::run`] settles what the last reset interrupted, confirms a new app or has it taken
//! back, then polls, downloads, verifies, activates, reboots. Beside it, as tasks of the same executor, the
//! device serves its own network: pushes and pages over HTTP, the Arduino protocol, [`mdns`]. All of them
//! share one [`Updater`] by reference and one session at a time. It knows no socket, no clock and no chip; a
//! [`Board`] names the types that do.
//!
//! # What it writes
//! One inactive slot, the otadata partition, and the NVS namespaces `updraft`, `updlog` and `www`. The running slot,
//! `factory`, the partition table and the bootloader are out of reach: the writer of a session carries the
//! bounds of one slot that is not running and can be made in no other way.
//!
//! # Memory
//! Bounded, whatever a server sends:
//! - the [`Updater`] itself, without the board's own parts: [`MAX_UPDATER`];
//! - the future of [`Updater::run`], without the network's connection: [`MAX_FUTURE`]. It holds the image
//!   verifier, the head of the download's answer ([`http::RESPONSE_HEAD`]) and 1 KiB of its body;
//! - heap: [`MAX_HEAP`] at the peak, which is reading the largest check-in answer
//!   ([`http::RESPONSE_BUFFER`] and what is kept of it). A download takes [`slot::PIECE`] for the piece
//!   being filled; between its first and its last byte the heap does not change;
//! - stack: some 4 KiB while the head of an answer is parsed.
//!
//! On a 64-bit host an update of a 448 KiB image takes 960 bytes, a future of 10,048 bytes and 10,522 bytes
//! of heap at the peak (the test `updater_memory` measures and prints them); a 32-bit chip needs less.
#![no_std]
#![expect(
    clippy::redundant_closure_for_method_calls,
    reason = "`self.memory(|memory| memory.install())` reads better than a path with the method's lifetimes"
)]
extern crate alloc;

pub mod board;
pub mod check;
pub mod config;
pub mod espota;
pub mod event;
pub mod flash;
pub mod guard;
pub mod http;
pub mod lights;
pub mod local;
pub mod log;
pub mod mdns;
pub mod mqtt;
pub mod session;
pub mod settings;
pub mod slot;

mod backoff;
mod check_in;
mod control;
mod download;
mod failure;
mod install;
mod intake;
mod memory;
mod push;
mod report;
mod token;
mod trial;
mod updater;
mod way_back;
mod window;
mod words;
mod www;

pub use board::{Board, Clock, Indicator, Parts, System};
pub use check::Check;
pub use event::Event;
pub use failure::Failure;
pub use guard::{Boot, guard_boot};
pub use lights::Leds;
pub use settings::Settings;
pub use updater::Updater;
pub use www::{BROWSER_BOOTS, BROWSER_LIMIT_SECONDS};

/// Most bytes an [`Updater`] has, without the parts of its board.
pub const MAX_UPDATER: usize = 1024;

/// Most bytes the future of [`Updater::run`] has, without the board's connection.
pub const MAX_FUTURE: usize = 12 * 1024;

/// Most bytes of heap an updater uses at a time.
pub const MAX_HEAP: usize = 12 * 1024;
