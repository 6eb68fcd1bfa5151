//! Web assets in two slots, `www_0` and `www_1`: one is served, the other takes the next image.
//!
//! # What NVS says
//! Namespace `www`: `slot`, the index of the slot to serve (a byte; absent means 0), and `trial`, which slot is on
//! trial and how, in one byte ([`Trial`]). A trial counts only while it names the slot that the index names:
//! - a new frontend: the trial is written first, the index after it. Cut between, the trial is void.
//! - going back: the index is written first, then the trial is erased. Cut between, the trial is void.
//! - a trial that is void is erased at boot, so that it never meets an index it was not written for.
//!
//! So at every moment the index is the old or the new one, and both slots it may name were whole when it was written.
//!
//! # What is served
//! The indexed slot, if it mounts and its first page can be read; else the other one, if *every* file of it is sound: it
//! may be half of an image whose upload was cut. Else the recovery page, which can upload.
//!
//! Only images with a first page (`index.html`) are taken, and none while a frontend is on trial: the other slot is
//! its way back. An app on trial is no hindrance, as its way back is an OTA slot.
//!
//! # Going back without a reset
//! A new image is served after a reset, as seed 000 has it. Going back is done at once: an open file knows its slot
//! and how often that slot was written to ([`WwwFile`]), so what a browser is being sent goes on from the slot it came
//! from, and ends if that slot takes a new image meanwhile.

mod check;
mod files;
mod memory;
mod open;
mod switch;
mod take;
mod trial;

use core::cell::Cell;

use updraft_www::serve::Site;

pub(crate) use files::{Found, WwwFile, may_be_page};
pub(crate) use memory::Trial;
pub(crate) use take::{Confirm, WwwIntake};

/// Seconds a browser has to load a new frontend and confirm it: time for a person to walk to the device's page twice.
pub const BROWSER_LIMIT_SECONDS: u32 = 600;

/// Boots in which a new frontend may wait for its browser, [`BROWSER_LIMIT_SECONDS`] each: a device that is switched
/// off before its limit every time must not wait for ever.
pub const BROWSER_BOOTS: u8 = 3;

/// Milliseconds a request that comes before the slots were looked at after boot waits for that; a fallback reads a whole
/// slot first, a second for 1 MiB.
const OPEN_LIMIT_MS: u64 = 5000;

/// Milliseconds between two looks whether it was.
const OPEN_ASK_MS: u64 = 20;

/// The slot that is served, and what is in it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Served {
    pub(crate) slot: u8,
    pub(crate) site: Site,
}

/// How the web assets stand since boot. All of it is copied out and in, so that nothing is held across an await.
#[derive(Debug, Default)]
pub(crate) struct Www {
    /// Whether what is served was found since boot.
    opened: Cell<bool>,
    served: Cell<Option<Served>>,
    /// The slot the index names.
    index: Cell<u8>,
    trial: Cell<Option<Trial>>,
    /// Whether a browser was sent the first page of the slot on trial.
    loaded: Cell<bool>,
    /// How often each slot was begun to be written since boot.
    writes: [Cell<u32>; 2],
}

impl Www {
    fn writes(&self, slot: u8) -> u32 {
        self.writes[usize::from(slot & 1)].get()
    }
}

/// The other of the two slots.
const fn other(slot: u8) -> u8 {
    (slot & 1) ^ 1
}
