//! What a relay finds of its earlier life when it starts.

use std::sync::atomic::{AtomicI64, AtomicU64};
use std::sync::{Arc, Mutex};

use updraft_protocol::api::relay::SnapshotHead;
use updraft_store::{RelayImport, RelaySettings, Store, new_id};

use super::cache::FileCache;
use super::{MAX_WAITING_WORDS, RelayConfig, RelayError, RelaySide, Upstream};
use crate::devices::Journal;

/// Numbers of words follow the highest that was ever told, which is on disk, and the clock: where an older copy of the
/// data came back, the primary may have heard higher ones, and takes no lower one for news. The clock is far ahead of
/// any count.
const NUMBERS_A_SECOND: i64 = 1000;

impl RelaySide {
    /// Goes on where an earlier process ended.
    pub(crate) async fn open(
        config: &RelayConfig,
        store: &Store,
        now: i64,
    ) -> Result<Self, RelayError> {
        let upstream = Upstream::new(config)?;
        let name = store.relay_setting(RelaySettings::Name, new_id()).await?;
        let head = store.setting(RelayImport::SETTING).await?;
        let head: Option<SnapshotHead> =
            head.and_then(|setting| serde_json::from_str(&setting.value).ok());
        let head = head.filter(|head| head.site == config.site);
        let waiting = store.waiting_relay_words().await?;
        let after = now.saturating_mul(NUMBERS_A_SECOND);
        Ok(Self {
            upstream,
            journal: Arc::new(Journal::new(waiting, after, MAX_WAITING_WORDS)),
            cache: FileCache::open(store.artifacts().clone(), config.cache_size)?,
            name,
            site: config.site.clone(),
            given_key: config.upstream_key,
            head: Mutex::new(head),
            heard_at: AtomicI64::new(0),
            problem: Mutex::default(),
            told: AtomicU64::default(),
        })
    }

    /// When the snapshot it goes by expires; 0 if it has none.
    pub(crate) fn expires_at(&self) -> i64 {
        self.head().map_or(0, |head| head.expires_at)
    }
}
