use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};
use updraft_store::{Store, TokenHash};

use crate::auth::{Throttle, Tokens};
use crate::config::Config;
use crate::core::Core;
use crate::depot::DepotSide;
use crate::devices::{Devices, Writer};
use crate::downloads::Cache;
use crate::error::{ApiError, ApiResult};
use crate::events::Hub;
use crate::limits::Limits;
use crate::load::Load;
use crate::metrics::Metrics;
use crate::mqtt::Handle;
use crate::published::{Offering, Published};
use crate::relay::{Issuer, RelaySide};
use crate::signed_urls::KeyRing;
use crate::webhooks::Poster;
use http::StatusCode;

/// How long an answer of `/readyz` holds: it writes to the disk, and everybody may ask.
const READY_FOR: Duration = Duration::from_secs(1);

/// What all handlers share.
#[derive(Debug, Clone)]
pub(crate) struct AppState(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    config: Config,
    core: Arc<Core>,
    tokens: Tokens,
    throttle: Throttle,
    enrolment_key: ArcSwap<TokenHash>,
    writer: Writer,
    cache: Cache,
    hub: Arc<Hub>,
    poster: Poster,
    load: Load,
    /// Held while tokens are read, so that those read last hold.
    reading_tokens: Mutex<()>,
    /// Held over a change's commit and what it changes in memory, so that both happen in the same order.
    changing: Mutex<()>,
    uploads: Semaphore,
    /// One rehearsal at a time: each is seconds of a processor.
    rehearsing: Arc<Semaphore>,
    ready: Mutex<Option<(Instant, bool)>>,
    metrics_open: bool,
    mqtt: OnceLock<Arc<Handle>>,
    url_keys: KeyRing,
    public_url: String,
    issuer: Issuer,
    relay: Option<Arc<RelaySide>>,
}

/// What the state is made of.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) config: Config,
    pub(crate) core: Arc<Core>,
    pub(crate) tokens: Tokens,
    pub(crate) enrolment_key: TokenHash,
    pub(crate) writer: Writer,
    /// Where devices reach this server.
    pub(crate) public_url: String,
    pub(crate) issuer: Issuer,
    pub(crate) relay: Option<Arc<RelaySide>>,
    pub(crate) hub: Arc<Hub>,
    pub(crate) poster: Poster,
}

impl AppState {
    pub(crate) fn new(parts: Parts) -> Self {
        let limits = &parts.config.limits;
        Self(Arc::new(Shared {
            throttle: Throttle::new(limits.max_auth_failures),
            cache: Cache::new(limits.download_cache),
            uploads: Semaphore::new(limits.max_uploads),
            rehearsing: Arc::new(Semaphore::new(1)),
            load: Load::new(limits.max_check_ins),
            metrics_open: parts
                .config
                .metrics_open
                .unwrap_or(parts.config.listen.ip().is_loopback()),
            mqtt: OnceLock::new(),
            url_keys: KeyRing::new(parts.core.store.clone()),
            public_url: parts.public_url,
            config: parts.config,
            core: parts.core,
            tokens: parts.tokens,
            enrolment_key: ArcSwap::from_pointee(parts.enrolment_key),
            writer: parts.writer,
            hub: parts.hub,
            poster: parts.poster,
            reading_tokens: Mutex::default(),
            changing: Mutex::default(),
            ready: Mutex::default(),
            issuer: parts.issuer,
            relay: parts.relay,
        }))
    }

    pub(crate) fn config(&self) -> &Config {
        &self.0.config
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.0.config.limits
    }

    /// The Unix time in seconds.
    pub(crate) fn now(&self) -> i64 {
        self.core().clock.now()
    }

    /// What decides and what remembers.
    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.0.core
    }

    pub(crate) fn store(&self) -> &Arc<Store> {
        &self.0.core.store
    }

    pub(crate) fn tokens(&self) -> &Tokens {
        &self.0.tokens
    }

    pub(crate) fn throttle(&self) -> &Throttle {
        &self.0.throttle
    }

    pub(crate) fn enrolment_key(&self) -> TokenHash {
        **self.0.enrolment_key.load()
    }

    pub(crate) fn devices(&self) -> &Devices {
        &self.0.core.devices
    }

    pub(crate) fn cache(&self) -> &Cache {
        &self.0.cache
    }

    /// The latest events.
    pub(crate) fn hub(&self) -> &Arc<Hub> {
        &self.0.hub
    }

    /// Who writes what devices say.
    pub(crate) fn writer(&self) -> &Writer {
        &self.0.writer
    }

    /// How busy it is with devices.
    pub(crate) fn load(&self) -> &Load {
        &self.0.load
    }

    /// Who posts to webhooks.
    pub(crate) fn poster(&self) -> &Poster {
        &self.0.poster
    }

    /// The artifact store beside this server, if there is one.
    pub(crate) fn depot(&self) -> Option<&DepotSide> {
        self.core().depot.as_ref()
    }

    /// The link to the MQTT broker, if there is to be one.
    pub(crate) fn mqtt(&self) -> Option<&Arc<Handle>> {
        self.0.mqtt.get()
    }

    /// Sets the link, once, when the server starts.
    pub(crate) fn set_mqtt(&self, handle: Arc<Handle>) {
        let _ = self.0.mqtt.set(handle);
    }

    /// The keys of signed URLs.
    pub(crate) fn url_keys(&self) -> &KeyRing {
        &self.0.url_keys
    }

    /// Where devices reach this server: a URL without a slash at its end.
    pub(crate) fn public_url(&self) -> &str {
        &self.0.public_url
    }

    /// What gives relays their snapshots.
    pub(crate) fn issuer(&self) -> &Issuer {
        &self.0.issuer
    }

    /// What makes this server a relay, if it is one.
    pub(crate) fn relay(&self) -> Option<&Arc<RelaySide>> {
        self.0.relay.as_ref()
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.0.core.metrics
    }

    pub(crate) fn metrics_open(&self) -> bool {
        self.0.metrics_open
    }

    /// What is published at this moment.
    pub(crate) fn published(&self) -> Arc<Published> {
        self.0.core.published()
    }

    /// What is published, for a moment: no reference is counted.
    pub(crate) fn peek(&self) -> arc_swap::Guard<Arc<Published>> {
        self.0.core.peek()
    }

    /// One release.
    pub(crate) fn offering(&self, id: &str) -> ApiResult<Arc<Offering>> {
        self.peek().offering(id).cloned().ok_or_else(|| {
            ApiError::not_found("release_not_found", format!("there is no release {id:?}"))
                .hint("GET /api/releases lists them.")
        })
    }

    /// Publishes what the store has now. Call it after every change.
    pub(crate) async fn refresh(&self) -> ApiResult<()> {
        Ok(self.core().refresh().await?)
    }

    /// Publishes what came from the artifact store.
    pub(crate) async fn reread(&self) -> ApiResult<()> {
        Ok(self.core().reread().await?)
    }

    /// Reads the tokens again. Call it after every change of one.
    pub(crate) async fn refresh_tokens(&self) -> ApiResult<()> {
        let _reading = self.0.reading_tokens.lock().await;
        self.0.tokens.set(self.store().tokens().await?);
        if self.store().is_shared()
            && let Some(key) = self.store().enrolment_key().await?
        {
            self.0.enrolment_key.store(key.into());
        }
        Ok(())
    }

    /// Takes over what other nodes made of rollouts.
    pub(crate) async fn reread_rollouts(&self) -> ApiResult<()> {
        Ok(self.0.core.reread_rollouts().await?)
    }

    /// Takes over what other nodes wrote of these devices, or of all. Returns those whose own news come first.
    pub(crate) async fn merge_devices(&self, ids: Option<Vec<String>>) -> ApiResult<Vec<String>> {
        let state = self.clone();
        // Reading and taking over are one step beside changes that are made here.
        self.change(async move {
            let records = match ids {
                Some(ids) => state.store().devices_by_id(&ids).await?,
                None => state.store().devices().await?,
            };
            let (published, now) = (state.published(), state.now());
            let mut late = Vec::new();
            for record in records {
                let id = record.device.id.to_string();
                if !state.devices().merge(record, &published, now) {
                    late.push(id);
                }
            }
            Ok(late)
        })
        .await
    }

    /// Runs what must not be left half done in a task of its own: a handler is dropped when its client goes
    /// away, and what is committed must also take effect.
    pub(crate) async fn complete<T: Send + 'static>(
        work: impl Future<Output = ApiResult<T>> + Send + 'static,
    ) -> ApiResult<T> {
        tokio::spawn(work)
            .await
            .unwrap_or_else(|error| Err(ApiError::internal(&error)))
    }

    /// [Completes](Self::complete) a change that is committed and then made in memory, one such change after
    /// the other.
    pub(crate) async fn change<T: Send + 'static>(
        &self,
        work: impl Future<Output = ApiResult<T>> + Send + 'static,
    ) -> ApiResult<T> {
        let state = self.clone();
        Self::complete(async move {
            let _changing = state.0.changing.lock().await;
            work.await
        })
        .await
    }

    /// Leave to upload, if not too many do.
    pub(crate) fn begin_upload(&self) -> ApiResult<tokio::sync::SemaphorePermit<'_>> {
        self.0.uploads.try_acquire().map_err(|_| {
            ApiError::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "too_many_uploads",
                format!(
                    "{} uploads are under way already",
                    self.limits().max_uploads
                ),
            )
            .hint("Try again in a moment.")
            .retry_after(5)
        })
    }

    /// Leave to rehearse, if nobody else does.
    pub(crate) fn begin_rehearsal(&self) -> ApiResult<OwnedSemaphorePermit> {
        self.0.rehearsing.clone().try_acquire_owned().map_err(|_| {
            ApiError::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "rehearsal_under_way",
                "another rehearsal is under way, and one takes all that may be taken",
            )
            .hint("Try again in a moment.")
            .retry_after(5)
        })
    }

    /// Returns once all news of devices is on disk, and rollouts have acted on it.
    pub(crate) async fn flush(&self) -> ApiResult<()> {
        self.0.writer.flush().await.map_err(ApiError::from)
    }

    /// Whether the database answers and the disk takes files.
    pub(crate) async fn is_ready(&self) -> bool {
        let mut ready = self.0.ready.lock().await;
        if let Some((at, was)) = *ready
            && at.elapsed() < READY_FOR
        {
            return was;
        }
        let is = match self.store().ready().await {
            Ok(()) => true,
            Err(error) => {
                tracing::error!(%error, "the server is not ready");
                false
            }
        };
        *ready = Some((Instant::now(), is));
        is
    }
}
