//! Downloads: whole files from a bounded shared cache, with ranges, validators and digests.

mod answer;
mod cache;
mod downloader;
mod file_stream;
mod range;

pub(crate) use answer::{Changing, answer};
pub(crate) use cache::Cache;
pub(crate) use downloader::Downloader;
