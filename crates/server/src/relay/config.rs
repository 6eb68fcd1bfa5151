use std::fmt;
use std::time::Duration;

use super::PublicKey;

/// Words that may wait at a relay: a million, some 600 MB. Ten thousand devices say about 60,000 in an update of all of
/// them; what only says that a device lives is kept once a device. With as many waiting, a relay takes no more and
/// offers nothing.
pub(crate) const MAX_WAITING_WORDS: u64 = 1_000_000;

/// What makes a server a relay.
#[derive(Clone)]
pub struct RelayConfig {
    /// The primary's address, such as `https://updates.example`.
    pub upstream: String,
    /// A token of the primary with the role `relay`.
    pub token: String,
    /// The site whose devices it serves; all devices if absent.
    pub site: Option<String>,
    /// The primary's public key. Without it, the first key that the primary names is trusted from then on.
    pub upstream_key: Option<PublicKey>,
    /// Most bytes of release files kept.
    pub cache_size: u64,
    /// Whether files that may be offered are fetched before a device asks, so that they are here when the primary is away.
    pub prefetch: bool,
    /// How often the primary is asked for a new snapshot.
    pub poll: Duration,
}

impl RelayConfig {
    /// The default of [`cache_size`](Self::cache_size): 2 GiB, a thousand images.
    pub const CACHE_SIZE: u64 = 2 * 1024 * 1024 * 1024;

    /// The default of [`poll`](Self::poll): a halted rollout stops at the relay within 10 s.
    pub const POLL: Duration = Duration::from_secs(10);

    /// A relay of all devices.
    pub fn new(upstream: impl Into<String>, token: impl Into<String>) -> Self {
        Self {
            upstream: upstream.into().trim_end_matches('/').to_owned(),
            token: token.into(),
            site: None,
            upstream_key: None,
            cache_size: Self::CACHE_SIZE,
            prefetch: true,
            poll: Self::POLL,
        }
    }
}

impl fmt::Debug for RelayConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The token stays out of logs.
        f.debug_struct("RelayConfig")
            .field("upstream", &self.upstream)
            .field("site", &self.site)
            .field("upstream_key", &self.upstream_key)
            .field("cache_size", &self.cache_size)
            .field("prefetch", &self.prefetch)
            .field("poll", &self.poll)
            .finish_non_exhaustive()
    }
}
