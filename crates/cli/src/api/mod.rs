//! The server's HTTP API, as a client sees it.

mod client;
mod error;
mod follow;
mod paths;
mod upload;

pub(crate) use client::Client;
pub(crate) use error::ApiError;
pub(crate) use follow::Following;
pub(crate) use upload::{Published, Upload};
