//! What the updater showed, kept.

use updraft_agent::{Event, Failure};
use updraft_flash::slot::AppSlot;

/// An [`Event`] that may be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Seen {
    Started {
        version: String,
        slot: AppSlot,
        on_trial: bool,
    },
    /// What the guard said before anything else ran.
    Guarded {
        on_trial: bool,
        must_reset: bool,
        words: String,
    },
    Waiting {
        ms: u64,
    },
    CheckedIn {
        offer: Option<String>,
    },
    Progress {
        received: u32,
    },
    Retrying {
        failure: Failure,
        after_ms: u64,
    },
    Verified,
    Activated,
    Rebooting,
    Unwell(String),
    Confirmed,
    RolledBack(Failure),
    Failed(Failure),
    Other(String),
}

impl From<&Event<'_>> for Seen {
    fn from(event: &Event<'_>) -> Self {
        match event {
            Event::Started {
                version,
                slot,
                on_trial,
            } => Self::Started {
                version: (*version).to_owned(),
                slot: *slot,
                on_trial: *on_trial,
            },
            Event::Waiting { milliseconds } => Self::Waiting { ms: *milliseconds },
            Event::CheckedIn { offer } => Self::CheckedIn {
                offer: offer.map(ToOwned::to_owned),
            },
            Event::Progress { received, .. } => Self::Progress {
                received: *received,
            },
            Event::Retrying { failure, after_ms } => Self::Retrying {
                failure: (*failure).clone(),
                after_ms: *after_ms,
            },
            Event::Verified { .. } => Self::Verified,
            Event::Activated { .. } => Self::Activated,
            Event::Rebooting => Self::Rebooting,
            Event::Unwell { problem } => Self::Unwell((*problem).to_owned()),
            Event::Confirmed { .. } => Self::Confirmed,
            Event::RolledBack { failure } => Self::RolledBack((*failure).clone()),
            Event::Failed { failure } => Self::Failed((*failure).clone()),
            other => Self::Other(other.to_string()),
        }
    }
}
