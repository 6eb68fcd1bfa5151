//! On a relay: what devices say, kept for the primary in the same transaction as what it changes here.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use tokio::sync::Notify;
use updraft_protocol::api::DeploymentState;
use updraft_protocol::api::relay::{RelayWord, Said, SaidOffer};
use updraft_protocol::{Report, UpdateStatus};
use updraft_store::{KeptWord, WaitingWords};

use super::entry::Entry;
use crate::identity::Words;

/// How often a device's question that says nothing new is kept, in seconds: often enough for the primary to see that the
/// device lives, far below the 15 minutes after which silence counts.
const SAME_WORDS_S: i64 = 60;

/// The numbers of the words, and how many wait.
#[derive(Debug)]
pub(crate) struct Journal {
    next: AtomicI64,
    waiting: AtomicU64,
    limit: u64,
    news: Notify,
}

impl Journal {
    /// Goes on after these, and after the number `after`. At `limit` words it is full.
    pub(crate) fn new(waiting: WaitingWords, after: i64, limit: u64) -> Self {
        Self {
            next: AtomicI64::new(waiting.last.max(after) + 1),
            waiting: AtomicU64::new(waiting.count),
            limit,
            news: Notify::new(),
        }
    }

    fn number(&self) -> i64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Words on disk that the primary has not acknowledged.
    pub(crate) fn waiting(&self) -> u64 {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Notes how many wait.
    pub(crate) fn set_waiting(&self, count: u64) {
        self.waiting.store(count, Ordering::Relaxed);
    }

    /// Notes that so many were written.
    pub(crate) fn written(&self, count: usize) {
        self.waiting.fetch_add(count as u64, Ordering::Relaxed);
        self.news.notify_one();
    }

    /// Whether no more is taken.
    pub(crate) fn is_full(&self) -> bool {
        self.waiting() >= self.limit
    }

    /// How many are kept at most.
    pub(crate) fn limit(&self) -> u64 {
        self.limit
    }

    /// Waits until something was written.
    pub(crate) async fn news(&self) {
        self.news.notified().await;
    }
}

/// What the primary has not heard of a device.
#[derive(Debug, Default)]
pub(super) struct Unsent {
    /// Words that are not on disk yet.
    pub(super) unwritten: Vec<KeptWord>,
    /// The number of the last word.
    pub(super) last: i64,
    /// The highest number that the primary acknowledged.
    pub(super) acknowledged: i64,
    /// What the last question said, in short, and when.
    asked: Option<(u64, i64)>,
}

impl Unsent {
    /// Whether the primary has still to hear something.
    pub(super) fn is_any(&self) -> bool {
        self.last > self.acknowledged
    }
}

impl Entry {
    fn keep_word(&mut self, journal: &Journal, said: Said, plain: bool, now: i64) {
        let unwritten = &mut self.unsent.unwritten;
        if plain && unwritten.last().is_some_and(|last| last.plain) {
            unwritten.pop();
        }
        let seq = journal.number();
        let device = &self.record.device;
        unwritten.push(KeptWord {
            word: RelayWord {
                seq,
                at: now,
                device_id: device.id.clone(),
                device_type: device.device_type.clone(),
                said,
            },
            plain,
        });
        self.unsent.last = seq;
    }

    /// Keeps a question and, if it just brought one, its offer.
    pub(super) fn keep_question(
        &mut self,
        journal: &Journal,
        words: &Words,
        proved: bool,
        now: i64,
    ) {
        let offered = self
            .heard
            .iter()
            .any(|(_, state, _)| *state == DeploymentState::Offered);
        let mut asked = words.to_asked();
        let mut hasher = DefaultHasher::new();
        serde_json::to_string(&asked)
            .unwrap_or_default()
            .hash(&mut hasher);
        let hash = hasher.finish();
        asked.poll_seconds = self.record.device.poll_seconds;
        let is_old = |(before, at): (u64, i64)| before == hash && now < at + SAME_WORDS_S;
        if proved || offered || !self.unsent.asked.is_some_and(is_old) {
            self.unsent.asked = Some((hash, now));
            self.keep_word(journal, Said::Asked(asked), !proved, now);
        }
        // An offer goes to the front of the deployments.
        if offered && let Some(deployment) = self.record.device.deployments.first() {
            let offer = SaidOffer {
                release_id: deployment.release_id.clone(),
                rollout_id: deployment.rollout_id.clone(),
                step: deployment.step,
            };
            self.keep_word(journal, Said::Offered(offer), false, now);
        }
    }

    /// Keeps a report. Progress that changes nothing is not worth it.
    pub(super) fn keep_report(
        &mut self,
        journal: &Journal,
        report: &Report,
        is_news: bool,
        now: i64,
    ) {
        if is_news || report.update_status != UpdateStatus::Downloading {
            self.keep_word(journal, Said::Reported(report.clone()), false, now);
        }
    }
}
