//! A device's own pages, as a client on the same network sees them.

mod address;
mod client;
mod error;
mod upload;

pub(crate) use address::locate;
pub(crate) use client::Local;
pub(crate) use error::{LocalError, TOKEN_HINT, exit_of, refused};
pub(crate) use upload::{Answer, Upload};
