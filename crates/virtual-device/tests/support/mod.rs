//! A device's life without sockets and without waiting: a server in memory, a clock that jumps, real images.

pub(crate) mod app;
pub(crate) mod clock;
pub(crate) mod flash;
pub(crate) mod images;
pub(crate) mod life;
pub(crate) mod network;
pub(crate) mod reply;
pub(crate) mod seen;
pub(crate) mod server;
pub(crate) mod upload;
