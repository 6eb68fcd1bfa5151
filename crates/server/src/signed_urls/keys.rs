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
        self.find_at(id, Instant::now()).await
    }

    async fn find_at(&self, id: u32, now: Instant) -> ApiResult<Option<UrlKey>> {
        let found = self.look(id);
        if self.holds(found.as_ref(), now) {
            return Ok(found);
        }
        let _reading = self.reading.lock().await;
        let found = self.look(id);
        if self.holds(found.as_ref(), now) {
            return Ok(found);
        }
        self.read().await?;
        Ok(self.look(id))
    }

    /// Whether what was read tells enough of a key at `now`: another node may have replaced it since, or made one that
    /// was not there.
    fn holds(&self, found: Option<&UrlKey>, now: Instant) -> bool {
        let holds = found.map_or(LOOK_EVERY, |_| FRESH_FOR);
        let read_at = self.kept().read_at;
        read_at.is_some_and(|at| now.saturating_duration_since(at) < holds)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_node_that_signs_nothing_learns_that_a_key_was_replaced_at_another() {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::open(folder.path()).await.unwrap());
        let (one, two) = (KeyRing::new(store.clone()), KeyRing::new(store));
        let leaked = one.signing().await.unwrap();
        let known = two.find(leaked.id).await.unwrap().unwrap();
        assert_eq!(known.retired_at, None);
        one.rotate("test").await.unwrap();
        // Until what it read is stale, a node takes its word for it.
        let now = Instant::now();
        let known = two.find_at(leaked.id, now).await.unwrap().unwrap();
        assert_eq!(known.retired_at, None);
        let later = now + FRESH_FOR;
        let known = two.find_at(leaked.id, later).await.unwrap().unwrap();
        assert!(known.retired_at.is_some());
        // And a URL's life later it is good for nothing.
        let long_ago = UrlKey {
            retired_at: known.retired_at.map(|at| at - 3600),
            ..known
        };
        assert!(!KeyRing::may_have_signed(&long_ago, Duration::from_mins(5)));
    }
}
