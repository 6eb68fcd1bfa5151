use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Most relays whose last words are remembered for one device: it moves between a few. The relay heard longest ago,
/// by its number, is forgotten first.
pub const MAX_RELAYS: usize = 8;

/// What was taken of a device's words that came by relays. It is written together with what the words changed, so that
/// each counts once, whatever is killed in between.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Relayed {
    /// The relay it last spoke through; none if it spoke to this server itself since.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub via: Option<String>,
    /// By relay: the number of the last word that was taken.
    pub told: BTreeMap<String, i64>,
}

impl Relayed {
    /// Whether there is nothing to keep.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a relay's word is news.
    pub fn is_news(&self, relay: &str, seq: i64) -> bool {
        self.told.get(relay).is_none_or(|last| *last < seq)
    }

    /// Notes that a relay's word was taken.
    pub fn take(&mut self, relay: &str, seq: i64) {
        self.via = Some(relay.to_owned());
        self.told.insert(relay.to_owned(), seq);
        while self.told.len() > MAX_RELAYS {
            let others = self.told.iter().filter(|(name, _)| *name != relay);
            let Some(least) = others.min_by_key(|(_, seq)| **seq) else {
                return;
            };
            let least = least.0.clone();
            self.told.remove(&least);
        }
    }
}
