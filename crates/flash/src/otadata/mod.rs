//! otadata: which app slot boots, and whether it is on trial.
//!
//! An 8 KiB partition (`data`, `ota`) holds two 32-byte [`Record`]s, one at the start of each
//! 4 KiB sector. The valid record with the higher sequence is active and names slot
//! `(sequence - 1) % slots`.
//!
//! Planning is pure and apart from writing: a plan is a [`Change`] of one sector, and
//! [`OtaDataPartition::apply`] is the only thing that writes.
//!
//! Two sets of plans, both methods of [`OtaData`]:
//! - `idf_*`: what ESP-IDF's own application functions do, record by record. The virtual device
//!   needs them, and they are checked against ESP-IDF's own results.
//! - `plan_*`: what our agent does. Never the only valid record, never sequence 0.
//!
//! Source of format and rules: ESP-IDF `esp_flash_partitions.h`, `bootloader_common_loader.c`,
//! `esp_ota_ops.c`.

mod anti_rollback;
mod data;
mod idf;
mod partition;
mod plan;
mod record;
mod roll_back;
mod state;

pub use anti_rollback::{FuseError, SecureVersionFuse, secure_version_bits};
pub use data::{Change, OtaData, Sector};
pub use idf::{IdfError, MarkValid};
pub use partition::{OtaDataError, OtaDataPartition};
pub use plan::PlanError;
pub use record::{LABEL_SIZE, RECORD_SIZE, Record};
pub use state::State;

/// Size of the otadata partition in bytes: two sectors, a record at the start of each.
pub const PARTITION_SIZE: u32 = 2 * crate::SECTOR_SIZE;
