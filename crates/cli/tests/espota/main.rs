//! `updraft espota` against an independent device in Python, on sockets of this machine.

mod failures;
mod gate;
mod scene;
mod success;
#[path = "../support/mod.rs"]
mod support;
