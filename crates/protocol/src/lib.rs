//! What crosses a wire: check-ins, offers, reports, reason codes, and the operator's API.
//!
//! Everything here is plain data with one JSON form. Devices, the server, the command line and the web
//! pages all use these types, so that a word means the same in each of them. The JSON is compact and its
//! optional fields are left out when absent, because some documented clients search it as text.
//!
//! The crate needs `alloc`; whoever reads a body bounds its length first ([`check_in::MAX_BODY`]).
#![cfg_attr(not(feature = "openapi"), no_std)]
extern crate alloc;

pub mod api;
pub mod check_in;
pub mod digest;
pub mod espota;
pub mod local;
pub mod mqtt;
pub mod name;
pub mod reason;
pub mod report;
pub mod version;

pub use check_in::{Bootloader, CheckIn, CheckInReply, Offer, ResetReason, SlotState};
pub use digest::Digest;
pub use name::{DeviceId, DeviceTypeName, NameError};
pub use reason::ReasonCode;
pub use report::{Report, UpdateStatus};
