//! What is known of each device: in memory for the hot path, written behind by one task.

mod entry;
mod habit;
mod look;
mod progress;
mod registry;
mod writer;

pub(crate) use entry::view;
pub(crate) use registry::{Devices, Visit, VisitError};
pub(crate) use writer::{WriteFailed, Writer};
