//! Rollouts by the real engine: what the seeds say, the traps of other servers, and properties over random histories.

mod deployments;
mod edges;
mod effects;
mod fleet;
mod histories;
mod plans;
mod properties;
mod seeds;
mod targets;
mod traps;
mod windows;
