//! What happens, for those who follow: one task reads new events from the database, whoever wrote them, and every stream
//! takes them from memory.

mod filter;
mod hub;
mod stream;

use std::sync::Arc;

use serde::Serialize;
use updraft_store::EventRecord;
use utoipa::ToSchema;

pub(crate) use filter::{EventFilter, Kinds};
pub(crate) use hub::{Hub, follow};
pub(crate) use stream::{Begin, stream};

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct Event {
    /// Its number: it grows with every event, over all servers of one database.
    pub(crate) id: i64,
    /// When, Unix seconds.
    pub(crate) at: i64,
    /// What, such as `rollout.trip`, `deployment.confirmed` or `release.publish`.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// To what: a rollout's, release's or device's id, say.
    pub(crate) subject: String,
    /// The rollout it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rollout_id: Option<String>,
    /// The token's name, `device ID`, or `server`.
    pub(crate) actor: String,
    /// The particulars.
    pub(crate) detail: serde_json::Value,
}

impl From<EventRecord> for Event {
    fn from(record: EventRecord) -> Self {
        Self {
            id: record.number,
            at: record.at,
            kind: record.kind,
            subject: record.subject,
            rollout_id: record.rollout_id,
            actor: record.actor,
            detail: record.detail,
        }
    }
}

/// Events in order.
pub(crate) type Events = Vec<Arc<Event>>;
