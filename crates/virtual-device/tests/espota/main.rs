//! The virtual device pushed to by espota: an independent client in Python, real sockets, real images.

mod bench;
mod client;
mod failures;
mod hostile;
mod success;
mod task;
