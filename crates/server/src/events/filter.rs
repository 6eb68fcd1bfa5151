use updraft_protocol::api::Role;

use super::Event;
use crate::error::{ApiError, ApiResult};

/// Kinds that a viewer may see, by their first word: what the viewer's other routes show as well. The rest, such as
/// tokens and webhooks, is for operators, who may also read the audit record.
const FOR_VIEWERS: [&str; 6] = [
    "deployment",
    "device",
    "release",
    "rollout",
    "type",
    "artifacts",
];

/// Most kinds that can be asked for.
const MAX_KINDS: usize = 32;

/// Longest word for a kind, in bytes.
const MAX_WORD: usize = 64;

/// Kinds of events: `rollout` means all of its kind, `rollout.trip` only that. None means all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Kinds(Vec<String>);

impl Kinds {
    /// Reads `rollout,deployment.failed`.
    pub(crate) fn read(text: &str) -> ApiResult<Self> {
        Self::of(text.split(',').map(str::trim))
    }

    /// Checks words.
    pub(crate) fn of<'a>(words: impl IntoIterator<Item = &'a str>) -> ApiResult<Self> {
        let words: Vec<String> = words
            .into_iter()
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect();
        let is_word = |word: &String| {
            let allowed = |c: char| c.is_ascii_lowercase() || c == '_' || c == '.';
            word.len() <= MAX_WORD && word.chars().all(allowed)
        };
        if words.len() > MAX_KINDS || !words.iter().all(is_word) {
            return Err(ApiError::bad_request(
                "bad_types",
                format!(
                    "types are at most {MAX_KINDS} words such as rollout or deployment.failed, with commas between them"
                ),
            ));
        }
        Ok(Self(words))
    }

    /// Whether they are all there are.
    pub(crate) fn is_all(&self) -> bool {
        self.0.is_empty()
    }

    /// The words, with commas between them.
    pub(crate) fn text(&self) -> String {
        self.0.join(",")
    }

    /// Whether this kind is one of them.
    pub(crate) fn take(&self, kind: &str) -> bool {
        let family = first_word(kind);
        self.0.is_empty() || self.0.iter().any(|word| word == kind || word == family)
    }
}

/// Who wants which events.
#[derive(Debug, Clone)]
pub(crate) struct EventFilter {
    pub(crate) kinds: Kinds,
    pub(crate) rollout_id: Option<String>,
    pub(crate) role: Role,
}

impl EventFilter {
    /// Whether this event is wanted, and may be seen.
    pub(crate) fn takes(&self, event: &Event) -> bool {
        may_see(self.role, &event.kind)
            && self.kinds.take(&event.kind)
            && (self.rollout_id.is_none() || self.rollout_id == event.rollout_id)
    }
}

/// Whether a role may see this kind.
fn may_see(role: Role, kind: &str) -> bool {
    role >= Role::Operator || FOR_VIEWERS.contains(&first_word(kind))
}

fn first_word(kind: &str) -> &str {
    kind.split_once('.').map_or(kind, |(word, _)| word)
}
