//! Decides what a device is offered, and says why; and whether a rollout goes on.
//!
//! Everything here is a pure function of what is passed in: no I/O, no clock, no database.
//!
//! - [`decide`]: what a device gets, from a published [`Snapshot`] and the device's own words. The server calls it on every
//!   check-in, and `updraft device why` prints the reasons of the very same rules.
//! - [`deployment`]: one device's way to one release. [`deployment::step`] says where news leads, [`deployment::deadline`]
//!   when silence is news.
//! - [`Plan`] and [`RolloutMachine`]: a checked plan, and the rollout that follows it. Deployments' transitions, commands and
//!   the time go in as [`Event`]s; what is to be done comes out as [`Effect`]s, which are data and may be done twice. The
//!   machine's [`Progress`] is what to store: a node that takes it over goes on exactly where another stopped.
//!
//! # Driving a rollout
//!
//! Keep `Progress` beside the plan, with a revision. For each change: read it, [`RolloutMachine::resume`], `apply`, write it
//! back if the revision is still the same, all in one transaction with the deployments that moved and the audit record; then
//! do the effects. Tell the time ([`Event::Tick`]) at [`RolloutMachine::wakes_at`]. Answer [`Effect::Survey`] with
//! [`Event::Surveyed`]; [`RolloutMachine::drive`] does both in one call where the fleet is at hand. A node that takes over does
//! [`RolloutMachine::standing`] once.

mod active;
pub mod census;
mod decide;
pub mod deployment;
pub mod machine;
pub mod plan;
mod poll;
mod position;
mod reason;
pub mod rehearsal;
mod snapshot;
mod window;

pub use active::ActiveRollout;
pub use census::{Census, Seen};
pub use decide::{
    Decision, DeviceView, Granted, History, Ledger, Member, Moment, Past, Pin, Standing, Usage,
    Verdict, Whereabouts, decide, explain, standing, takes,
};
pub use machine::{Effect, Event, Notice, Progress, Refusal, RolloutMachine, Survey};
pub use plan::{Outside, Plan, PlanError};
pub use poll::{LONGEST_POLL_S, NextPoll, RUSH_S, SHORTEST_POLL_S, next_poll, spread};
pub use position::{BUCKETS, Position};
pub use reason::{Reason, Skip, Stage, Why};
pub use snapshot::{Candidate, STABLE, Snapshot, TypeSnapshot};
pub use window::{LocalWindow, Opening};
