//! espota: its frames, its authentication, and the device's side of both, against an independent host in Python.

mod auth;
mod device;
mod frames;
mod host;
mod python;
mod transfer;
