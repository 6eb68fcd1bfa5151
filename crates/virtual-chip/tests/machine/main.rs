//! The machine: what programs compute, how they are interrupted, and what they do with the flash and the network.

#[path = "../support/mod.rs"]
mod support;

mod arithmetic;
mod ethernet;
mod flash;
mod pace;
mod traps;
