//! What a relay remembers of its primary.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use http::StatusCode;
use serde::Serialize;
use updraft_protocol::api::relay::SnapshotHead;
use utoipa::ToSchema;

use super::cache::FileCache;
use super::{PublicKey, RelayError, Upstream};
use crate::devices::Journal;
use crate::error::{ApiError, ApiResult};

/// When devices are to come back to a relay that keeps no more, in seconds.
const FULL_AGAIN_S: u32 = 300;

/// What makes a server a relay.
#[derive(Debug)]
pub(crate) struct RelaySide {
    pub(crate) upstream: Upstream,
    pub(crate) journal: Arc<Journal>,
    pub(super) cache: FileCache,
    /// The relay's own random name.
    pub(super) name: String,
    pub(super) site: Option<String>,
    /// The key it was told to trust.
    pub(super) given_key: Option<PublicKey>,
    /// The snapshot it goes by.
    pub(super) head: Mutex<Option<SnapshotHead>>,
    /// When the primary was last heard, Unix seconds; 0 if never.
    pub(super) heard_at: AtomicI64,
    /// What went wrong at the last try.
    pub(super) problem: Mutex<Option<RelayError>>,
    /// Words told.
    pub(super) told: AtomicU64,
}

/// How a relay stands to its primary.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RelayHealth {
    /// The primary's address.
    upstream: String,
    /// Whether it answered at the last try.
    reachable: bool,
    /// When it was last heard, Unix seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    heard_at: Option<i64>,
    /// What went wrong at the last try, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    /// The same as a stable code.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem_code: Option<&'static str>,
    /// The snapshot it goes by; absent before the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    snapshot: Option<SnapshotHealth>,
    /// Words of devices that the primary has not acknowledged.
    words_waiting: u64,
}

#[derive(Debug, Serialize, ToSchema)]
struct SnapshotHealth {
    revision: i64,
    /// When it was issued, Unix seconds.
    issued_at: i64,
    /// When it expires, Unix seconds.
    expires_at: i64,
    /// Whether it has: nothing is offered then.
    expired: bool,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl RelaySide {
    /// Which snapshot it goes by.
    pub(super) fn head(&self) -> Option<SnapshotHead> {
        lock(&self.head).clone()
    }

    pub(super) fn set_head(&self, head: SnapshotHead) {
        *lock(&self.head) = Some(head);
    }

    /// Notes what came of a try. Says whether that is another outcome than before.
    pub(super) fn note(&self, outcome: Result<(), RelayError>, now: i64) -> bool {
        let problem = outcome.err();
        if !matches!(problem, Some(RelayError::Unreachable(_))) {
            self.heard_at.store(now, Ordering::Relaxed);
        }
        let mut known = lock(&self.problem);
        let code = |problem: &Option<RelayError>| problem.as_ref().map(RelayError::code);
        let is_news = code(&known) != code(&problem);
        *known = problem;
        is_news
    }

    /// Refuses what a device says when no more can be kept: what could not be told is not acknowledged.
    pub(crate) fn admits(&self) -> ApiResult<()> {
        if !self.journal.is_full() {
            return Ok(());
        }
        Err(ApiError::new(
            StatusCode::INSUFFICIENT_STORAGE,
            "journal_full",
            format!(
                "{} words wait for the primary, and no more are kept",
                self.journal.limit()
            ),
        )
        .hint("The relay must reach its primary again before it goes on.")
        .retry_after(FULL_AGAIN_S))
    }

    /// How it stands.
    pub(crate) fn health(&self, now: i64) -> RelayHealth {
        let problem = lock(&self.problem).clone();
        let heard_at = self.heard_at.load(Ordering::Relaxed);
        let reachable = heard_at > 0 && !matches!(problem, Some(RelayError::Unreachable(_)));
        RelayHealth {
            upstream: self.upstream.base().to_owned(),
            reachable,
            heard_at: (heard_at > 0).then_some(heard_at),
            problem: problem.as_ref().map(ToString::to_string),
            problem_code: problem.as_ref().map(RelayError::code),
            snapshot: self.head().map(|head| SnapshotHealth {
                revision: head.revision,
                issued_at: head.issued_at,
                expires_at: head.expires_at,
                expired: head.expires_at <= now,
            }),
            words_waiting: self.journal.waiting(),
        }
    }

    /// The same for Prometheus.
    pub(crate) fn metrics(&self, now: i64) -> String {
        let health = self.health(now);
        let snapshot = health.snapshot.as_ref();
        let age = snapshot.map_or(-1, |snapshot| now - snapshot.issued_at);
        let left = snapshot.map_or(0, |snapshot| snapshot.expires_at - now);
        let revision = snapshot.map_or(0, |snapshot| snapshot.revision);
        let cache = self.cache.counts();
        let mut text = String::new();
        let rows: [(&str, &str, &str, i64); 12] = [
            (
                "upstream_reachable",
                "gauge",
                "Whether the primary answered at the last try",
                i64::from(health.reachable),
            ),
            (
                "snapshot_age_seconds",
                "gauge",
                "Age of the snapshot offers are decided from, -1 without one",
                age,
            ),
            (
                "snapshot_left_seconds",
                "gauge",
                "Time until the snapshot expires, negative after",
                left,
            ),
            (
                "snapshot_revision",
                "gauge",
                "Revision of the snapshot",
                revision,
            ),
            (
                "words_waiting",
                "gauge",
                "Words of devices that the primary has not acknowledged",
                health.words_waiting.cast_signed(),
            ),
            (
                "words_told_total",
                "counter",
                "Words of devices that the primary acknowledged",
                self.told.load(Ordering::Relaxed).cast_signed(),
            ),
            (
                "cache_hits_total",
                "counter",
                "Downloads begun whose file was here",
                cache.hits.cast_signed(),
            ),
            (
                "cache_misses_total",
                "counter",
                "Downloads begun whose file was not here",
                cache.misses.cast_signed(),
            ),
            (
                "cache_fetches_total",
                "counter",
                "Files fetched from the primary",
                cache.fetches.cast_signed(),
            ),
            (
                "cache_evictions_total",
                "counter",
                "Files that made room for others",
                cache.evictions.cast_signed(),
            ),
            (
                "cache_bytes",
                "gauge",
                "Bytes of files in the cache",
                cache.bytes.cast_signed(),
            ),
            (
                "cache_limit_bytes",
                "gauge",
                "Most bytes of files kept",
                cache.limit.cast_signed(),
            ),
        ];
        for (name, kind, help, value) in rows {
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "# HELP updraft_relay_{name} {help}.\n# TYPE updraft_relay_{name} {kind}\nupdraft_relay_{name} {value}"
            );
        }
        text
    }
}
