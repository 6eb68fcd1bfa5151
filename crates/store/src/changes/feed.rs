use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;

use super::{Changed, Changes, News};
use crate::id::new_id;

/// News that a slow reader may be behind before it is told that everything changed.
const BACKLOG: usize = 1024;

/// Most ids in one notification. `PostgreSQL` takes 7,999 bytes, and an id has at most 64.
const MAX_IDS: usize = 100;

/// Longest notification, in bytes (`PostgreSQL`'s limit is 8,000 with the terminating zero).
const MAX_PAYLOAD: usize = 7_999;

/// Where this node's changes and those of others come together.
#[derive(Debug)]
pub(crate) struct Feed {
    node: String,
    sender: broadcast::Sender<News>,
}

/// What one node tells the others.
#[derive(Debug, Serialize, Deserialize)]
struct Told {
    node: String,
    changed: Changed,
}

impl Feed {
    pub(crate) fn new() -> Self {
        Self {
            node: new_id(),
            sender: broadcast::Sender::new(BACKLOG),
        }
    }

    pub(crate) fn subscribe(&self) -> Changes {
        Changes {
            receiver: self.sender.subscribe(),
        }
    }

    /// Tells this node.
    pub(super) fn tell(&self, changed: Changed, by_us: bool) {
        // Nobody may listen.
        let _ = self.sender.send(News { changed, by_us });
    }

    /// Tells this node of what it did itself.
    pub(crate) fn tell_here(&self, news: Vec<Changed>) {
        for changed in news {
            self.tell(changed, true);
        }
    }

    /// Tells this node of what it may have done itself: it cannot know.
    pub(crate) fn tell_unsure(&self, news: Vec<Changed>) {
        for changed in news {
            self.tell(changed, false);
        }
    }

    /// What tells the other nodes of this change.
    pub(crate) fn payloads(&self, changed: &Changed) -> Vec<String> {
        match changed {
            Changed::Devices(ids) => self.pieces(ids, Changed::Devices),
            Changed::Rollouts(ids) => self.pieces(ids, Changed::Rollouts),
            other => vec![self.payload(other.clone())],
        }
    }

    fn pieces(&self, ids: &[String], changed: impl Fn(Vec<String>) -> Changed) -> Vec<String> {
        ids.chunks(MAX_IDS)
            .map(|piece| self.payload(changed(piece.to_vec())))
            .collect()
    }

    fn payload(&self, changed: Changed) -> String {
        let told = |changed| {
            let node = self.node.clone();
            // Plain data serialises without fail; an empty text is passed over.
            serde_json::to_string(&Told { node, changed }).unwrap_or_default()
        };
        let payload = told(changed);
        if payload.len() > MAX_PAYLOAD {
            return told(Changed::Everything);
        }
        payload
    }

    /// Takes in what a node told.
    pub(super) fn hear(&self, payload: &str) {
        match serde_json::from_str::<Told>(payload) {
            // Known since the commit.
            Ok(told) if told.node == self.node => {}
            Ok(told) => self.tell(told.changed, false),
            // A newer version's word, perhaps.
            Err(_) => self.tell(Changed::Everything, false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Changed, Feed, MAX_PAYLOAD};

    #[test]
    fn what_is_told_arrives_whole_in_pieces_that_postgresql_takes() {
        let (here, there) = (Feed::new(), Feed::new());
        let mut changes = there.subscribe();
        let ids: Vec<String> = (0..1000).map(|n| format!("{n:064}")).collect();
        for payload in here.payloads(&Changed::Devices(ids.clone())) {
            assert!(payload.len() <= MAX_PAYLOAD);
            here.hear(&payload);
            there.hear(&payload);
        }
        there.hear("{\"node\":\"newer\",\"changed\":\"the weather\"}");
        let mut heard = Vec::new();
        while let Ok(news) = changes.receiver.try_recv() {
            assert!(!news.by_us);
            match news.changed {
                Changed::Devices(more) => heard.extend(more),
                last => assert_eq!(last, Changed::Everything),
            }
        }
        assert_eq!(heard, ids);
    }

    #[test]
    fn ids_longer_than_any_become_everything() {
        let feed = Feed::new();
        let payloads = feed.payloads(&Changed::Rollouts(vec!["x".repeat(MAX_PAYLOAD)]));
        let told = serde_json::to_value(Changed::Everything).unwrap();
        let payload: serde_json::Value = serde_json::from_str(&payloads[0]).unwrap();
        assert_eq!(payload["changed"], told);
    }
}
