//! What a device says of itself to whoever stands before it: `GET /api/ota/status` and `GET /api/ota/log` on the
//! device.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::check_in::{Bootloader, ResetReason, SlotState};
use crate::reason::ReasonCode;
use crate::{DeviceId, Digest};

/// `GET /api/ota/status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalStatus {
    /// The device's name.
    pub device_id: DeviceId,
    /// Its chip, such as `esp32c3`.
    pub chip: String,
    /// The app that runs.
    pub running: LocalApp,
    /// State of the running app's boot record.
    pub state: SlotState,
    /// Whether the bootloader takes back an app that was not confirmed; `unknown` until one was on trial, and from
    /// devices that do not say.
    #[serde(default)]
    pub bootloader: Bootloader,
    /// The slot the boot records name, which the next reset starts; absent if they name none.
    pub boot_slot: Option<String>,
    /// Whether the running slot is not the one the boot records name.
    pub mismatch: bool,
    /// The slot the next update goes to, and what is in it now; absent if there is none.
    pub next: Option<LocalSlot>,
    /// The app a rollback would lead to; absent if there is none that looks sound.
    pub rollback: Option<LocalSlot>,
    /// Why the chip was reset last.
    pub reset_reason: ResetReason,
    /// Seconds since boot.
    pub uptime_seconds: u32,
    /// The lowest secure version the device takes.
    pub secure_version: u32,
    /// The slot web assets are served from (0 or 1); absent without such slots.
    pub www_slot: Option<u8>,
    /// How the web assets stand; absent without such slots.
    pub www: Option<LocalWww>,
    /// Bytes an update may have: the size of the slot it goes to; 0 if there is none.
    pub free_space: u32,
    /// `none` while anybody on the network may push, `token` when a token is asked for, `refused` when pushes are
    /// refused until one is set.
    pub push_auth: String,
    /// The update under way.
    pub session: Option<LocalSession>,
    /// What came of the last update.
    pub last_result: Option<LocalEvent>,
}

/// An app and where it lies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalApp {
    /// Its slot.
    pub slot: String,
    /// Its version.
    pub version: String,
    /// Its project.
    pub project: String,
    /// When it was compiled: date and time as the compiler wrote them.
    pub compiled: String,
    /// The ESP-IDF (or HAL) version it was built with.
    pub idf_version: String,
    /// SHA-256 of its ELF file.
    pub elf_sha256: Digest,
    /// Its secure version.
    pub secure_version: u32,
}

/// A slot and what is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalSlot {
    /// The slot.
    pub slot: String,
    /// Its size in bytes.
    pub size: u32,
    /// The version of the app in it; absent if there is none.
    pub version: Option<String>,
}

/// The web assets of a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalWww {
    /// `served` from the slot the index names, `other` when that one was not sound and the other is served, `none`
    /// when neither is.
    pub state: String,
    /// `confirmed`; `on_trial` until the files are checked; `waiting` until a browser has confirmed.
    pub trial: String,
    /// The frontend's own version, if its manifest names one.
    pub version: Option<String>,
}

/// The update under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalSession {
    /// Who brings it: `pull`, `push`, `espota`, `frontend`.
    pub source: String,
    /// From which address, if it came to the device.
    pub peer: Option<String>,
    /// The slot it goes to.
    pub slot: String,
    /// `writing`, `verifying` or `rebooting`.
    pub stage: String,
    /// Bytes that are in flash.
    pub written: u32,
    /// Bytes in all.
    pub total: u32,
}

/// One event of the device's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalEvent {
    /// Counts all events of the device's life, from 0; absent for one that is not in the log.
    pub number: Option<u32>,
    /// Unix time in seconds, if the device knew it.
    pub time: Option<i64>,
    /// Seconds since boot.
    pub uptime_seconds: u32,
    /// What happened: `begun`, `failed`, `activated`, `confirmed`, `confirmed_by_hand`, `rearmed`, `rolled_back`,
    /// `rolled_back_by_hand`, `fallback`, `slot_failed`.
    pub event: String,
    /// To what: a slot, and a version where one is known.
    pub subject: String,
    /// Why, if something went wrong.
    pub reason: Option<ReasonCode>,
    /// Why, in words.
    pub detail: String,
}

/// `GET /api/ota/log`: the last events, the oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalLog {
    /// The events.
    pub events: Vec<LocalEvent>,
}

/// The body of every refusal of the device, and of what it did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalAnswer {
    /// A reason code, or `ok`.
    pub code: String,
    /// The same in words, with what to do.
    pub message: String,
}
