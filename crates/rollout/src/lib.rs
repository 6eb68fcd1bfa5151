//! Decides what a device is offered, and says why.
//!
//! Everything here is a pure function of a published [`Snapshot`] and the device's own words: no I/O, no
//! clock, no database. The server calls [`decide`] on every check-in, and `updraft device show` prints the
//! reasons it returns.
//!
//! Today the rule is: the newest stable, unblocked release that is newer than what runs. Rollouts, with
//! their stages, windows and caps, take their place between [`Reason::Skipped`] and [`Reason::Offered`].

mod decide;
mod reason;
mod snapshot;

pub use decide::{Decision, DeviceView, decide};
pub use reason::{Reason, Skip};
pub use snapshot::{Candidate, STABLE, Snapshot, TypeSnapshot};
