//! What is known of each device: in memory for the hot path, written behind by one task.

mod census;
mod choice;
mod entry;
mod habit;
mod journal;
mod look;
mod nodes;
mod places;
mod progress;
mod propose;
mod registry;
mod relayed;
mod reports;
mod silence;
mod snapshot;
mod ways;
mod writer;

pub(crate) use choice::view;
pub(crate) use journal::Journal;
pub(crate) use progress::Told;
pub(crate) use propose::Proposal;
pub(crate) use registry::{Devices, Reported, Visit, VisitError};
pub(crate) use relayed::Heard;
pub(crate) use snapshot::Takeover;
pub(crate) use ways::{By, Move};
pub(crate) use writer::{Kept, WriteFailed, Writer};
