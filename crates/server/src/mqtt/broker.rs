//! The embedded broker: rmqtt, with Updraft's own rules of who may do what.
//!
//! rmqtt is maintained, MIT or Apache 2.0, and has hooks for authentication and topic rights. rumqttd, the other broker
//! there is, knows no rights by topic. Of rmqtt only the core is built: no TLS (it would bring another provider), no
//! plug-ins, no store of retained messages.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Duration;

use rmqtt::codec::types::QoS;
use rmqtt::context::ServerContext;
use rmqtt::hook::Type;
use rmqtt::net::{Builder, Listener};
use rmqtt::server::MqttServer;
use rumqttc::MqttOptions;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use updraft_store::TokenHash;

use super::config::{Embedded, IN_FLIGHT, MAX_PACKET, MqttError, options};
use super::gate::{DEVICES, Gate, Hooks, INTERNAL, OWN_PREFIX, Seen};
use crate::secrets::random_secret;
use crate::server::StartError;
use crate::state::AppState;

/// Longest name of a client, in bytes. MQTT 3.1 has 23, and a device's id has up to 64.
const MAX_CLIENT_NAME: usize = 128;

/// Levels of a device's topics: `devices/{id}/ota/status`, and room for a device's own.
const MAX_LEVELS: usize = 8;

/// Messages that wait for one device that does not take them. Orders are few.
const DEVICE_QUEUE: usize = 16;

/// Messages that wait for the server's own link while it restarts its tasks: one of each of ten thousand devices.
const LINK_QUEUE: usize = 10_000;

/// Subscriptions of one device; it has four topics.
const MAX_SUBSCRIPTIONS: usize = 16;

/// Longest pause a client may announce, in seconds. A device that is gone is noticed in twice of it.
const MAX_KEEP_ALIVE: u16 = 3600;

/// Time from a connection to its first packet.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Devices that come and go before anybody looks: a fleet's rush after a power cut.
const SEEN: usize = 65_536;

/// The broker at work.
#[derive(Debug)]
pub(super) struct Running {
    /// Where devices reach it.
    pub(super) local_addr: SocketAddr,
    internal: SocketAddr,
    /// What the server's own link is called, and what it shows.
    name: String,
    secret: String,
    gate: Arc<Gate>,
    /// What it sees of devices.
    pub(super) seen: Option<mpsc::Receiver<Seen>>,
    task: JoinHandle<()>,
}

impl Running {
    /// What the server's own link is told.
    pub(super) fn options(&self) -> MqttOptions {
        let host = self.internal.ip().to_string();
        let mut options = options(&self.name, &host, self.internal.port());
        options.set_credentials("updraft", self.secret.clone());
        options
    }

    /// Stops accepting.
    pub(super) fn stop(self) {
        self.task.abort();
        self.gate.serve(None);
    }
}

/// Starts the broker.
pub(super) async fn start(state: &AppState, embedded: &Embedded) -> Result<Running, StartError> {
    let failed = |address: SocketAddr| {
        move |why: &dyn std::fmt::Display| MqttError::Listen {
            address,
            why: why.to_string(),
        }
    };
    let devices = listen(device_listener(state, embedded.listen))
        .map_err(|why| failed(embedded.listen)(&why))?;
    let inside = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let own = listen(link_listener(inside)).map_err(|why| failed(inside)(&why))?;
    let random = || {
        random_secret().map_err(|source| StartError::Secret {
            what: "secret of the MQTT link",
            source,
        })
    };
    let name: String = random()?.chars().take(16).collect();
    let name = format!("{OWN_PREFIX}{name}");
    let secret = random()?;
    let limits = state.limits();
    let (see, seen) = mpsc::channel(SEEN);
    let gate = Arc::new(Gate::new(
        state.core().devices.clone(),
        TokenHash::of(&secret),
        limits.max_auth_failures,
        limits.max_devices.saturating_mul(2),
        see,
    ));
    let context = ServerContext::new()
        // Its measure of the processor's load would refuse devices while something else is busy.
        .busy_check_enable(false)
        .build()
        .await;
    let register = context.extends.hook_mgr().register();
    for kind in [
        Type::ClientAuthenticate,
        Type::ClientSubscribeCheckAcl,
        Type::MessagePublishCheckAcl,
        Type::ClientConnected,
        Type::SessionSubscribed,
        Type::ClientDisconnected,
        Type::SessionTerminated,
    ] {
        register.add(kind, Box::new(Hooks(gate.clone()))).await;
    }
    register.start().await;
    gate.serve(Some(context.clone()));
    let (local_addr, internal) = (devices.1, own.1);
    let server = MqttServer::new(context)
        .listener_by_id(own.0, INTERNAL)
        .listener_by_id(devices.0, DEVICES)
        .build();
    let task = tokio::spawn(async move {
        if let Err(error) = server.run().await {
            tracing::error!(%error, "the MQTT broker ended");
        }
    });
    if !local_addr.ip().is_loopback() {
        tracing::warn!(
            %local_addr,
            "the MQTT broker listens beyond this machine without TLS: devices' tokens can be read on the way"
        );
    }
    tracing::info!(%local_addr, "the MQTT broker listens");
    Ok(Running {
        local_addr,
        internal,
        name,
        secret,
        gate,
        seen: Some(seen),
        task,
    })
}

fn listen(builder: Builder) -> Result<(Listener, SocketAddr), String> {
    let listener = builder
        .bind()
        .and_then(Listener::tcp)
        .map_err(|error| error.to_string())?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    Ok((listener, address))
}

fn listener(address: SocketAddr) -> Builder {
    Builder::new()
        .laddr(address)
        .reuseaddr(Some(true))
        .nodelay(true)
        .allow_anonymous(false)
        .allow_zero_keepalive(false)
        .max_keepalive(MAX_KEEP_ALIVE)
        .max_packet_size(MAX_PACKET)
        .max_clientid_len(MAX_CLIENT_NAME)
        .max_topic_levels(MAX_LEVELS)
        .max_qos_allowed(QoS::AtLeastOnce)
        .handshake_timeout(HANDSHAKE)
}

fn device_listener(state: &AppState, address: SocketAddr) -> Builder {
    let lifetime = state.config().signed_urls.lifetime;
    listener(address)
        .name("devices")
        .max_connections(state.limits().max_connections)
        .max_mqueue_len(DEVICE_QUEUE)
        .max_subscriptions(MAX_SUBSCRIPTIONS)
        // What a device is told is worthless once its URL has expired.
        .session_expiry_interval(lifetime)
        .max_session_expiry_interval(lifetime)
        .message_expiry_interval(lifetime)
}

fn link_listener(address: SocketAddr) -> Builder {
    listener(address)
        .name("link")
        .max_connections(4)
        .max_mqueue_len(LINK_QUEUE)
        .max_inflight(NonZeroU16::new(IN_FLIGHT).unwrap_or(NonZeroU16::MIN))
}
