use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use updraft_store::{Store, UrlKey, unix_now};

use crate::error::{ApiError, ApiResult};

/// Age at which a key is replaced by itself: a leaked one is worth something for a month at most.
const ROTATE_AFTER: i64 = 30 * 24 * 3600;

/// How long what was read of the store holds. Another node's rotation is seen within this, and what the old key signs
/// meanwhile is good as long as any URL.
const FRESH_FOR: Duration = Duration::from_secs(20);

/// How often a URL with an unknown key may make the store be read.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The keys in memory, read from the store as often as needed.
#[derive(Debug)]
pub(crate) struct KeyRing {
    store: Arc<Store>,
    kept: Mutex<Kept>,
    /// Held while keys are read or made, so that one start makes one key.
    reading: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Kept {
    keys: Vec<UrlKey>,
    read_at: Option<Instant>,
}

impl KeyRing {
    pub(crate) fn new(store: Arc<Store>) -> Self {
        Self {
            store,
            kept: Mutex::default(),
            reading: tokio::sync::Mutex::default(),
        }
    }

    /// The key that signs now.
    pub(crate) async fn signing(&self) -> ApiResult<UrlKey> {
        let now = unix_now();
        if let Some(key) = self.newest(FRESH_FOR, now) {
            return Ok(key);
        }
        let _reading = self.reading.lock().await;
        if let Some(key) = self.newest(FRESH_FOR, now) {
            return Ok(key);
        }
        self.read().await?;
        if let Some(key) = self.newest(FRESH_FOR, now) {
            return Ok(key);
        }
        self.store.add_url_key(random()?, "server").await?;
        self.read().await?;
        self.newest(FRESH_FOR, now)
            .ok_or_else(|| ApiError::internal(&"the new key of signed URLs was not kept"))
    }

    /// The key with this number.
    pub(crate) async fn find(&self, id: u32) -> ApiResult<Option<UrlKey>> {
        let found = self.look(id);
        if found.is_some() || self.age().is_some_and(|age| age < LOOK_EVERY) {
            return Ok(found);
        }
        // Another node may have made it since.
        let _reading = self.reading.lock().await;
        if self.age().is_none_or(|age| age >= LOOK_EVERY) {
            self.read().await?;
        }
        Ok(self.look(id))
    }

    /// Whether a URL that is still good can be this key's: it signs now, or did so within a URL's life.
    pub(crate) fn may_have_signed(key: &UrlKey, lifetime: Duration) -> bool {
        let Some(retired) = key.retired_at else {
            return true;
        };
        // Another node may not have noticed the rotation at once.
        let overlap = lifetime.saturating_add(FRESH_FOR).as_secs();
        retired >= unix_now().saturating_sub_unsigned(overlap)
    }

    /// Makes a new key; what the one before signed stays good until it expires.
    pub(crate) async fn rotate(&self, actor: &str) -> ApiResult<()> {
        let _reading = self.reading.lock().await;
        self.store.add_url_key(random()?, actor).await?;
        self.read().await
    }

    fn newest(&self, fresh: Duration, now: i64) -> Option<UrlKey> {
        let kept = self.kept();
        let is_fresh = kept.read_at.is_some_and(|at| at.elapsed() < fresh);
        let newest = kept.keys.first().filter(|_| is_fresh)?;
        (newest.retired_at.is_none() && now - newest.created_at < ROTATE_AFTER)
            .then(|| newest.clone())
    }

    fn look(&self, id: u32) -> Option<UrlKey> {
        self.kept().keys.iter().find(|key| key.id == id).cloned()
    }

    fn age(&self) -> Option<Duration> {
        self.kept().read_at.map(|at| at.elapsed())
    }

    async fn read(&self) -> ApiResult<()> {
        let keys = self.store.url_keys().await?;
        *self.kept() = Kept {
            keys,
            read_at: Some(Instant::now()),
        };
        Ok(())
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn random() -> ApiResult<[u8; 32]> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| ApiError::internal(&error))?;
    Ok(bytes)
}
