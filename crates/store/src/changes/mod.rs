//! What changed, told to every node: `PostgreSQL` carries it with the change's own transaction, so what is told
//! has happened and what has happened is told.

mod feed;
mod listener;

use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};

pub(crate) use feed::Feed;
pub(crate) use listener::{CHANNEL, Listening, listen};

/// What changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Changed {
    /// Anything, as after a lost connection: read all again.
    Everything,
    /// Releases, channels or device types.
    Releases,
    /// Tokens of people and programs, or the enrolment key.
    Tokens,
    /// These devices, or their deployments, by id.
    Devices(Vec<String>),
    /// These rollouts, by id.
    Rollouts(Vec<String>),
    /// Events were added.
    Events,
}

impl Changed {
    /// What a change with this audit record changed: the action's first word says it.
    pub(crate) fn by(action: &str, subject: &str) -> Self {
        match action.split('.').next() {
            Some("release" | "type") => Self::Releases,
            // Keys of signed URLs are looked up when they are needed.
            Some("token" | "enrolment" | "url_key") => Self::Tokens,
            Some("device") => Self::Devices(vec![subject.to_owned()]),
            // Nodes look at them whenever there are events.
            Some("webhook") => Self::Events,
            Some("rollout") => Self::Rollouts(vec![subject.to_owned()]),
            _ => Self::Everything,
        }
    }

    /// Takes other news in, if both are of one kind.
    pub(crate) fn merge(&mut self, other: &Self) -> bool {
        match (self, other) {
            (Self::Devices(mine), Self::Devices(more))
            | (Self::Rollouts(mine), Self::Rollouts(more)) => {
                for id in more {
                    if !mine.contains(id) {
                        mine.push(id.clone());
                    }
                }
                true
            }
            (mine, other) => *mine == *other,
        }
    }
}

/// News of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News {
    /// What changed.
    pub changed: Changed,
    /// Whether this node changed it.
    pub by_us: bool,
}

/// Some were missed.
const MISSED: News = News {
    changed: Changed::Everything,
    by_us: false,
};

/// The changes from the moment this was asked for.
#[derive(Debug)]
pub struct Changes {
    pub(crate) receiver: broadcast::Receiver<News>,
}

impl Changes {
    /// The next change, if it is there already.
    pub fn try_next(&mut self) -> Option<News> {
        match self.receiver.try_recv() {
            Ok(news) => Some(news),
            Err(TryRecvError::Lagged(_)) => Some(MISSED),
            Err(TryRecvError::Empty | TryRecvError::Closed) => None,
        }
    }

    /// The next change; none once the store is closed. Whoever is too slow to hear them all is told that
    /// everything changed.
    pub async fn next(&mut self) -> Option<News> {
        match self.receiver.recv().await {
            Ok(news) => Some(news),
            Err(RecvError::Lagged(_)) => Some(MISSED),
            Err(RecvError::Closed) => None,
        }
    }
}
