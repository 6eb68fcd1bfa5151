//! Releases, devices and artifacts, kept.
//!
//! [`Store`] holds the rows and [`Artifacts`] the files. Every change and its audit record are one
//! transaction, acknowledged only once it is on disk. A file becomes visible only whole: it is written
//! aside, synced, renamed to a name made of its SHA-256, and only then named by a row. Whatever a killed
//! process leaves behind is a file without a row, which the next start removes.
//!
//! The SQL is one text that `SQLite` and `PostgreSQL` both read: `TEXT` and `BIGINT` columns, `$n` parameters.
//!
//! # Errors
//!
//! Everything fallible returns [`StoreError`], whose [`code`](StoreError::code) is stable.

mod agreed;
pub mod artifacts;
mod audit;
mod changes;
mod channels;
mod data_dir;
mod database;
mod deployments;
pub mod depot;
mod device_change;
mod device_types;
mod devices;
mod devices_read;
mod error;
mod events;
mod id;
mod mqtt_devices;
mod relay;
mod releases;
mod rollouts;
mod settings;
mod signed_urls;
mod store;
mod tokens;
mod webhooks;

pub use agreed::{Agreed, DepotChange, DepotTurn};
pub use artifacts::{Artifacts, Incoming, KeptFile, Unfinished};
pub use audit::{AuditFilter, AuditRecord};
pub use changes::{Changed, Changes, News};
pub use data_dir::DataDir;
pub use database::{BadDatabaseUrl, DatabaseUrl};
pub use deployments::DeploymentKey;
pub use device_change::DeviceSettings;
pub use device_types::DEFAULT_SLOT_SIZE;
pub use devices::{DeviceRecord, DeviceWrite, Enrolled};
pub use error::{Result, StoreError};
pub use events::{EventPage, EventRecord, Outcome};
pub use id::{new_id, unix_now};
pub use mqtt_devices::{MqttDevice, Presence};
pub use relay::{
    IssuedSnapshot, KeptWord, MAX_RELAYS, RelayImport, RelaySettings, Relayed, WaitingWords,
};
pub use releases::{NewRelease, Published};
pub use rollouts::{NewRollout, Promotion, RolloutAudit, RolloutRecord, RolloutWrite};
pub use settings::Setting;
pub use signed_urls::UrlKey;
pub use store::{Store, StoreOptions};
pub use tokens::{KeptToken, TokenHash};
pub use webhooks::{NewWebhook, WebhookNews, WebhookRecord};
