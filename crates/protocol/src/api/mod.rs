//! The operator's API: what the command line, the pages and other programs send and get.

mod artifacts;
pub mod attributes;
mod device;
mod error;
mod fleet;
pub mod relay;
mod release;
pub mod rollout;
mod token;
mod webhook;

pub use artifacts::{SyncNote, SyncReport, SyncedRelease};
pub use attributes::{Attributes, AttributesError, SetAttributes};
pub use device::{
    Deployment, DeploymentState, Device, DeviceChange, DeviceField, DeviceList, DeviceType,
    DeviceTypeChange, Hold, MAX_HOLD_REASON,
};
pub use error::ErrorBody;
pub use fleet::FleetCounts;
pub use release::{
    BlockRequest, Channel, PromoteRequest, Release, ReleaseChange, ReleaseList, ReleaseStatus,
};
pub use token::{NewToken, Role, Token, TokenIssued};
pub use webhook::{NewWebhook, Webhook, WebhookAdded, WebhookList, WebhookTest};
