//! The server's HTTP API, as a client sees it.

mod client;
mod error;
mod paths;
mod upload;

pub(crate) use client::Client;
pub(crate) use error::ApiError;
pub(crate) use upload::{Published, Upload};
