//! The processor: what programs compute, and how they are interrupted.

#[path = "../support/mod.rs"]
mod support;

mod arithmetic;
mod traps;
