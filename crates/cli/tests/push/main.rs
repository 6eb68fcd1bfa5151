//! `updraft push`: against a device that behaves oddly in every way thought of, and against a virtual one.

mod cuts;
mod endings;
mod fake;
mod frontend;
mod refusals;
#[path = "../support/mod.rs"]
mod support;
mod virtual_device;
