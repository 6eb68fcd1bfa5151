//! The updater against a server that may say anything, on a flash that may fail, with real images.
//!
//! Every device here lives in virtual time with a server in memory; see `tests/support`.

mod device;
#[allow(dead_code, reason = "each test binary uses a part of it")]
#[path = "../support/mod.rs"]
mod support;

mod answers;
mod attempts;
mod by_hand;
mod check_ins;
mod crippled;
mod enrolment;
mod flash_faults;
mod gate;
mod integrity;
mod kept;
mod lights;
mod log;
mod no_rollback;
mod reports;
mod time;
mod trial;
mod versions;
mod window;
mod worn_slots;
