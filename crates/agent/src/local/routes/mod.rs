//! What is served, one file a route.

mod confirm;
mod files;
mod frontend;
mod log;
mod page;
mod reboot;
mod rollback;
mod status;
mod update;
