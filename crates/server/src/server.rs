use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use tokio::net::TcpSocket;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use updraft_store::depot::{Depot, DepotError};
use updraft_store::{Store, StoreError, StoreOptions};

use crate::auth::Tokens;
use crate::bounds::check_limits;
use crate::config::{Config, DeviceAuth};
use crate::connections;
use crate::core::Core;
use crate::depot::{self, DepotSide};
use crate::devices::{Devices, Writer};
use crate::events::{self, Hub};
use crate::firmware_dir;
use crate::keys;
use crate::metrics::Metrics;
use crate::mqtt::{self, MqttError};
use crate::nodes;
use crate::published::Published;
use crate::relay::{self, Issuer, RelaySide};
use crate::rollouts::{Rollouts, Timers};
use crate::routes;
use crate::secrets::Secret;
use crate::state::{AppState, Parts};
use crate::webhooks::{self, Poster};

/// Connections the system keeps for us while we are busy: a fleet's rush after a power cut.
const BACKLOG: u32 = 1024;

/// File descriptors beside those of connections: database, uploads, files being read.
const SPARE_FILES: u64 = 128;

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The store could not be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The artifact store could not be opened.
    #[error(transparent)]
    Depot(#[from] DepotError),
    /// What posts to webhooks could not be set up.
    #[error("the HTTP client for webhooks could not be set up: {0}")]
    Http(String),
    /// The address could not be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// A secret's file could not be read or written.
    #[error("the file of the {what} cannot be used: {source}")]
    Secret {
        /// Which secret.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// A given secret is too short to be one.
    #[error(
        "the given {what} has {length} characters; give at least {}",
        Config::MIN_SECRET
    )]
    WeakSecret {
        /// Which secret.
        what: &'static str,
        /// How long it is.
        length: usize,
    },
    /// MQTT cannot work as configured.
    #[error(transparent)]
    Mqtt(#[from] MqttError),
    /// What a relay keeps could not be opened.
    #[error("the relay cannot start: {message}")]
    Relay {
        /// A stable code.
        code: &'static str,
        /// What went wrong.
        message: String,
    },
    /// A limit or time with which the server could not work.
    #[error("{what} is {given}: give {bound}. The default is right for most")]
    BadLimit {
        /// The field of [`Config`] or [`Limits`](crate::Limits).
        what: &'static str,
        /// What it was given.
        given: String,
        /// What it may be.
        bound: String,
    },
}

impl StartError {
    /// A stable code for what went wrong.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Store(error) => error.code(),
            Self::Depot(error) => error.code(),
            Self::Http(_) => "http_client",
            Self::Listen { .. } => "cannot_listen",
            Self::Secret { .. } => "secret_file_failed",
            Self::WeakSecret { .. } => "weak_secret",
            Self::Mqtt(error) => error.code(),
            Self::Relay { code, .. } => code,
            Self::BadLimit { .. } => "bad_limit",
        }
    }
}

/// The server.
#[derive(Debug)]
pub struct Server;

impl Server {
    /// Opens the store, publishes what is in the firmware folder, and listens. Requests are served from the
    /// moment this returns.
    pub async fn start(config: Config) -> Result<Running, StartError> {
        check_secret("admin token", config.admin_token.as_deref())?;
        check_secret("enrolment key", config.enrolment_key.as_deref())?;
        check_limits(&config)?;
        let listener = listen(config.listen)?;
        let local_addr = listener.local_addr().map_err(listen_error(config.listen))?;
        raise_file_limit(config.limits.max_connections);

        let places = StoreOptions {
            data_dir: config.data_dir.clone(),
            database: config.database.clone(),
        };
        let store = Arc::new(Store::open_with(&places).await?);
        // Before anything is read: what changes meanwhile is told.
        let changes = store.changes();
        let admin_token = keys::admin_token(&config, &store).await?;
        let (enrolment_key, key_hash) = keys::enrolment_key(&config, &store).await?;
        let tokens = Tokens::default();
        tokens.set(store.tokens().await?);
        let metrics = Arc::new(Metrics::default());
        let timers = Arc::new(Timers::default());
        let relay = open_relay(&config, &store).await?;
        let devices = Devices::new(
            store.devices().await?,
            config.limits.max_devices,
            timers.clone(),
            metrics.clone(),
        );
        let devices = relayed(devices, &store, relay.as_ref()).await?;
        let issuer = Issuer::new(keys::relay_key(&config, &store)?, config.relay_validity);
        let depot = config.artifacts.as_ref().map(Depot::open).transpose()?;
        let core = Core::new(
            store.clone(),
            config.clock.clone(),
            Arc::new(devices),
            Rollouts::new(store.rollouts().await?)?,
            timers,
            metrics.clone(),
            Published::read(&store, depot.is_some() || relay.is_some()).await?,
        );
        let core = core
            .with_depot(depot.map(DepotSide::new))
            .relaying(relay.as_ref().map(|relay| relay.expires_at()));
        let core = Arc::new(core);
        core.take_up().await;
        let timing = Core::start_timers(&core);
        let (stop, stopped) = watch::channel(false);
        let hub = Hub::open(&store, config.limits.max_streams, stopped.clone()).await?;
        let poster = Poster::new().map_err(|error| StartError::Http(error.to_string()))?;
        let (writer, writing) = Writer::start(core.clone(), config.limits.write_behind);
        let state = AppState::new(Parts {
            core,
            tokens,
            enrolment_key: key_hash,
            writer,
            public_url: public_url(config.signed_urls.public_url.as_deref(), local_addr),
            hub,
            poster,
            config,
            issuer,
            relay,
        });
        firmware_dir::publish(&state).await;
        warn_if_open(&state);

        tokio::spawn(events::follow(state.clone(), stopped.clone()));
        let delivering = tokio::spawn(webhooks::deliver(state.clone(), stopped.clone()));
        if store.is_shared() {
            tokio::spawn(nodes::follow(state.clone(), changes, stopped.clone()));
        }
        let mqtt = mqtt::start(&state, stopped.clone()).await?;
        let limits = state.limits().clone();
        let poll = state.config().artifacts_poll;
        let upstream_poll = state.config().relay.as_ref().map(|relay| relay.poll);
        let relaying = relay::start(
            state.clone(),
            upstream_poll.unwrap_or_default(),
            stopped.clone(),
        );
        let watching = tokio::spawn(depot::watch(state.clone(), poll, stopped.clone()));
        let router = routes::router(state);
        let serving = tokio::spawn(connections::serve(
            listener, router, limits, metrics, stopped,
        ));
        tracing::info!(%local_addr, "listening");
        Ok(Running {
            local_addr,
            mqtt_addr: mqtt.as_ref().and_then(mqtt::Started::listening),
            admin_token,
            enrolment_key,
            stop,
            serving,
            delivering,
            watching,
            mqtt,
            relaying,
            writing,
            timing,
            store,
        })
    }
}

/// The devices of a relay: what they say is also kept for the primary.
async fn relayed(
    devices: Devices,
    store: &Store,
    relay: Option<&Arc<RelaySide>>,
) -> Result<Devices, StartError> {
    let Some(relay) = relay else {
        return Ok(devices);
    };
    let devices = devices.with_journal(relay.journal.clone());
    devices.know_unsent(store.devices_with_relay_words().await?);
    Ok(devices)
}

/// A server at work. Dropped, it goes on until the runtime ends; call [`Running::shutdown`].
#[derive(Debug)]
pub struct Running {
    /// Where it listens.
    pub local_addr: SocketAddr,
    /// Where the embedded MQTT broker listens, if it runs.
    pub mqtt_addr: Option<SocketAddr>,
    /// The admin's token, and whether to show it.
    pub admin_token: Secret,
    /// The key that devices enrol with.
    pub enrolment_key: Secret,
    stop: watch::Sender<bool>,
    serving: JoinHandle<bool>,
    delivering: JoinHandle<()>,
    watching: JoinHandle<()>,
    mqtt: Option<mqtt::Started>,
    relaying: Option<JoinHandle<()>>,
    writing: JoinHandle<()>,
    timing: JoinHandle<()>,
    store: Arc<Store>,
}

impl Running {
    /// Stops accepting, lets what is under way finish within
    /// [`Limits::shutdown_timeout`](crate::Limits::shutdown_timeout), and writes what is unwritten. Says whether
    /// everything finished by itself.
    pub async fn shutdown(self) -> bool {
        self.stop.send_replace(true);
        self.timing.abort();
        let finished = self.serving.await.unwrap_or(false);
        if let Some(mqtt) = self.mqtt {
            mqtt.stop().await;
        }
        if !finished {
            tracing::warn!("some requests did not finish in time and were cut off");
        }
        if self.delivering.await.is_err() {
            tracing::error!("the deliveries to webhooks had failed");
        }
        if let Some(relaying) = self.relaying
            && relaying.await.is_err()
        {
            tracing::error!("the conversation with the primary had failed");
        }
        if self.watching.await.is_err() {
            tracing::error!("the watch over the artifact store had failed");
        }
        // The writer ends when the last handler lets go of it. One that hangs must not hold up the end.
        let patience = std::time::Duration::from_secs(5);
        if tokio::time::timeout(patience, self.writing).await.is_err() {
            tracing::warn!("some devices' last words were not written");
        }
        self.store.close().await;
        finished
    }
}

/// Where devices reach this server: as configured, else where it listens.
fn public_url(configured: Option<&str>, listening: SocketAddr) -> String {
    if let Some(url) = configured {
        return url.trim_end_matches('/').to_owned();
    }
    let mut address = listening;
    if address.ip().is_unspecified() {
        address.set_ip(outward(address.is_ipv4()));
    }
    format!("http://{address}")
}

/// This machine's address towards other networks. Nothing is sent: the system only picks the way to an address that
/// documentation may use.
fn outward(v4: bool) -> IpAddr {
    let (any, far): (IpAddr, IpAddr) = if v4 {
        (
            Ipv4Addr::UNSPECIFIED.into(),
            Ipv4Addr::new(192, 0, 2, 1).into(),
        )
    } else {
        (
            Ipv6Addr::UNSPECIFIED.into(),
            Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into(),
        )
    };
    std::net::UdpSocket::bind((any, 0))
        .and_then(|socket| {
            socket.connect((far, 9))?;
            socket.local_addr()
        })
        .map_or(any, |local| local.ip())
}

async fn open_relay(config: &Config, store: &Store) -> Result<Option<Arc<RelaySide>>, StartError> {
    let Some(relaying) = &config.relay else {
        return Ok(None);
    };
    let opened = RelaySide::open(relaying, store, config.clock.now()).await;
    let relay = opened.map_err(|error| StartError::Relay {
        code: error.code(),
        message: error.to_string(),
    })?;
    Ok(Some(Arc::new(relay)))
}

fn warn_if_open(state: &AppState) {
    if state.config().device_auth == DeviceAuth::Open {
        tracing::warn!(
            "DEVICE AUTH IS OPEN: whoever reaches this server can act as a device without a token"
        );
    }
}

fn check_secret(what: &'static str, given: Option<&str>) -> Result<(), StartError> {
    match given.map(|given| given.chars().count()) {
        Some(length) if length < Config::MIN_SECRET => Err(StartError::WeakSecret { what, length }),
        _ => Ok(()),
    }
}

fn listen_error(address: SocketAddr) -> impl Fn(io::Error) -> StartError {
    move |source| StartError::Listen { address, source }
}

/// Bytes the kernel is asked to hold for each connection that does not take them as fast (Linux doubles it). Left
/// to itself it takes some megabytes of an image for every slow client, and copying them all at once is slower, too.
/// A client 100 ms away still gets 2.5 MB a second, more than an ESP32 can write.
const SEND_BUFFER: u32 = 128 * 1024;

fn listen(address: SocketAddr) -> Result<tokio::net::TcpListener, StartError> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()
    } else {
        TcpSocket::new_v6()
    };
    let socket = socket.map_err(listen_error(address))?;
    socket
        .set_send_buffer_size(SEND_BUFFER)
        .map_err(listen_error(address))?;
    // A restarted server takes its port back at once.
    socket.set_reuseaddr(true).map_err(listen_error(address))?;
    socket.bind(address).map_err(listen_error(address))?;
    socket.listen(BACKLOG).map_err(listen_error(address))
}

/// Raises the limit of open files to what the connections need, as far as the system lets us.
fn raise_file_limit(connections: usize) {
    let wanted = connections as u64 + SPARE_FILES;
    match rlimit::increase_nofile_limit(wanted) {
        Ok(limit) if limit < wanted => tracing::warn!(
            limit,
            wanted,
            "the system allows fewer open files than connections are allowed"
        ),
        Ok(_) => {}
        Err(error) => tracing::warn!(%error, "the limit of open files was not raised"),
    }
}
