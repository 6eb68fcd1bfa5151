//! Seed 003's layout, on a folder and on a real S3 server alike.
#![allow(
    missing_docs,
    unreachable_pub,
    dead_code,
    missing_debug_implementations,
    reason = "tests"
)]

mod blocked;
mod crashes;
mod layout;
mod places;
mod presigned;
mod releases;
mod s3;
mod scene;
