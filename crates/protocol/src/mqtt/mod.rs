//! What crosses an MQTT broker between devices and the server, as seed 003 has it.
//!
//! | topic | from | payload |
//! |---|---|---|
//! | `devices/{id}/ota` | server | a signed URL and nothing else; to a device that announced `format: json`, an [`Offer`](crate::Offer) |
//! | `devices/{id}/ota/status` | device | a word such as `SUCCESS`, or JSON: [`StatusMessage`] |
//! | `devices/{id}/version` | device | its version, or JSON: [`VersionMessage`] |
//! | `devices/{id}/presence` | device, and its last will | `online` or `offline`: [`Presence`] |
//!
//! Everything that arrives is bounded before it is read, and what is not understood is a named fault.

mod payload;
mod status;
mod topic;

pub use payload::{Format, MAX_PAYLOAD, MAX_URL, Order, PayloadError, Presence, VersionMessage};
pub use status::StatusMessage;
pub use topic::{Kind, MAX_TOPIC, Topic, TopicError, filter, may_publish, may_subscribe};
