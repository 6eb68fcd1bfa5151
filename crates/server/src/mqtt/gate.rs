use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use async_trait::async_trait;
use rmqtt::codec::v5::SubscribeAckReason;
use rmqtt::context::ServerContext;
use rmqtt::hook::{Handler, HookResult, Parameter, ReturnType};
use rmqtt::session::Session;
use rmqtt::types::{
    AuthResult, ConnectInfo, Id, LastWill, ListenerId, PublishAclResult, SubscribeAclResult,
};
use subtle::ConstantTimeEq as _;
use tokio::sync::mpsc;
use updraft_protocol::DeviceId;
use updraft_protocol::mqtt::{Kind, Topic, may_publish, may_subscribe};
use updraft_store::TokenHash;

use super::clients::{Clients, NotClaimed};
use crate::auth::Throttle;
use crate::devices::Devices;

/// The number of the listener for this server's own link.
pub(super) const INTERNAL: ListenerId = 1;

/// The number of the listener for devices.
pub(super) const DEVICES: ListenerId = 2;

/// How the name begins under which this server's own link is at its broker. Whoever had it would have the link's session
/// and hear all devices, so that no device gets a name that begins so.
pub(super) const OWN_PREFIX: &str = "$updraft-";

/// What the broker itself sees of a device, which need not say so: seed 003's leave no will.
#[derive(Debug)]
pub(super) enum Seen {
    /// It waits for its orders.
    Came(DeviceId),
    /// Its connection has ended.
    Gone(DeviceId),
}

/// Decides who may connect to the embedded broker, and what they may say and hear there.
pub(super) struct Gate {
    devices: Arc<Devices>,
    throttle: Throttle,
    /// What the server's own link shows.
    internal: TokenHash,
    clients: Mutex<Clients>,
    /// The broker, to be asked what it has; none before it runs and once it is stopped.
    broker: Mutex<Option<ServerContext>>,
    seen: mpsc::Sender<Seen>,
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").finish_non_exhaustive()
    }
}

impl Gate {
    pub(super) fn new(
        devices: Arc<Devices>,
        internal: TokenHash,
        max_auth_failures: u32,
        max_clients: usize,
        seen: mpsc::Sender<Seen>,
    ) -> Self {
        Self {
            devices,
            throttle: Throttle::new(max_auth_failures),
            internal,
            clients: Mutex::new(Clients::new(max_clients)),
            broker: Mutex::default(),
            seen,
        }
    }

    /// The broker that asks this gate. The two know each other; none, once it is stopped, lets both go.
    pub(super) fn serve(&self, broker: Option<ServerContext>) {
        *self.broker() = broker;
    }

    fn broker(&self) -> MutexGuard<'_, Option<ServerContext>> {
        self.broker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn clients(&self) -> MutexGuard<'_, Clients> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this client may connect. A device shows its id and its own token; nobody is let in without.
    async fn admit(&self, connect: &ConnectInfo) -> AuthResult {
        let id = connect.id();
        let address = id
            .remote_addr
            .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |address| address.ip());
        let secret = token(connect.password().map(|password| &password[..]));
        if id.lid == INTERNAL {
            return match secret {
                Some(secret) if bool::from(secret.0.ct_eq(&self.internal.0)) => {
                    AuthResult::Allow(true, None)
                }
                _ => AuthResult::NotAuthorized,
            };
        }
        let device = connect.username().and_then(|name| name.parse().ok());
        let (Some(device), Some(token)) = (device, secret) else {
            return AuthResult::BadUsernameOrPassword;
        };
        if self.devices.by_token(token).as_ref() != Some(&device) {
            // A right token always passes: behind one address there may be a whole fleet.
            if self.throttle.wait(address).is_none() {
                self.throttle.failed(address);
                tracing::info!(%address, %device, "a device was refused at the MQTT broker");
            }
            return AuthResult::BadUsernameOrPassword;
        }
        if let Some(will) = connect.last_will()
            && !may_publish(&device, will_topic(&will))
        {
            tracing::warn!(%device, "refused at the MQTT broker: its last will is for a topic that is not its own");
            return AuthResult::NotAuthorized;
        }
        if let Err(why) = self.claim(&id.client_id, &device).await {
            tracing::warn!(%device, client = %id.client_id, %why, "refused at the MQTT broker");
            return AuthResult::NotAuthorized;
        }
        AuthResult::Allow(false, None)
    }

    /// Takes a client's name for a device. Another device's own name is always that device's, and the link's the
    /// link's.
    async fn claim(&self, name: &str, device: &DeviceId) -> Result<(), NotClaimed> {
        let other = name
            .parse::<DeviceId>()
            .is_ok_and(|other| other != *device && self.devices.device(&other).is_some());
        if other || name.starts_with(OWN_PREFIX) {
            return Err(NotClaimed::Anothers);
        }
        let in_the_way = self.clients().in_the_way(name, device, Instant::now());
        for id in in_the_way {
            if !self.has(&id).await {
                self.clients().ended(&id, Instant::now());
            }
        }
        self.clients().claim(name, device, Instant::now())
    }

    /// Whether the broker has this session. One whose connection broke before its first packet was answered has nobody
    /// to end it.
    async fn has(&self, id: &Id) -> bool {
        let Some(broker) = self.broker().clone() else {
            return true;
        };
        let session = broker.extends.shared().await.entry(id.clone());
        if session.id_same() != Some(true) {
            return false;
        }
        let is_alive = session.tx().is_some_and(|tx| !tx.is_closed());
        if !is_alive
            && let Ok(mut session) = session.try_lock().await
            && let Err(error) = session.remove_with(id).await
        {
            tracing::warn!(%error, client = %id.client_id, "a dead session stays at the MQTT broker");
        }
        is_alive
    }

    /// A client is connected, and the session before it under its name is no more.
    fn connected(&self, session: &Session) {
        let device = session.username().and_then(|name| name.parse().ok());
        let token = token(session.password().map(|password| &password[..]));
        if let (Some(device), Some(token)) = (device, token) {
            self.clients().connected(&session.id, &device, token);
        }
    }

    /// A client subscribed.
    fn subscribed(&self, id: &Id, filter: &str) {
        let Some(device) = self.device(id) else {
            return;
        };
        let kind = Kind::Ota;
        let own = Topic {
            device: device.clone(),
            kind,
        };
        if own.to_string() == filter {
            self.tell(Seen::Came(device));
        }
    }

    /// A connection has ended, and the session may wait for another.
    fn disconnected(&self, id: &Id) {
        let gone = self.clients().disconnected(id);
        if let Some(device) = gone {
            self.tell(Seen::Gone(device));
        }
    }

    fn tell(&self, seen: Seen) {
        if self.seen.try_send(seen).is_err() {
            tracing::warn!("devices come and go faster at the MQTT broker than can be followed");
        }
    }

    /// Whose session it is, as long as its token is the device's.
    fn device(&self, id: &Id) -> Option<DeviceId> {
        let (device, token) = self.clients().device(id)?;
        (self.devices.by_token(token).as_ref() == Some(&device)).then_some(device)
    }

    /// Whether a client may do this with a topic.
    fn allows(&self, id: &Id, rule: fn(&DeviceId, &str) -> bool, topic: &str) -> bool {
        if id.lid == INTERNAL {
            return true;
        }
        let device = self.device(id);
        let allowed = device.as_ref().is_some_and(|device| rule(device, topic));
        if !allowed {
            let device = device.map(|device| device.to_string());
            tracing::info!(
                client = %id.client_id,
                device,
                topic,
                "refused a topic at the MQTT broker"
            );
        }
        allowed
    }
}

/// The hash of what was shown as a token.
fn token(password: Option<&[u8]>) -> Option<TokenHash> {
    let text = std::str::from_utf8(password?).ok()?;
    Some(TokenHash::of(text))
}

fn will_topic<'a>(will: &'a LastWill<'a>) -> &'a str {
    match will {
        LastWill::V3(will) => &will.topic,
        LastWill::V5(will) => &will.topic,
    }
}

/// The gate as the broker's hooks call it.
#[derive(Debug, Clone)]
pub(super) struct Hooks(pub(super) Arc<Gate>);

#[async_trait]
impl Handler for Hooks {
    #[expect(
        elided_lifetimes_in_paths,
        reason = "as the trait writes it: async_trait makes another signature of '_"
    )]
    async fn hook(&self, parameter: &Parameter, earlier: Option<HookResult>) -> ReturnType {
        let gate = &self.0;
        let result = match parameter {
            Parameter::ClientAuthenticate(connect) => {
                HookResult::AuthResult(gate.admit(connect).await)
            }
            Parameter::ClientSubscribeCheckAcl(session, subscribe) => {
                let allowed = gate.allows(&session.id, may_subscribe, &subscribe.topic_filter);
                HookResult::SubscribeAclResult(if allowed {
                    SubscribeAclResult::new_success(subscribe.opts.qos(), None)
                } else {
                    SubscribeAclResult::new_failure(SubscribeAckReason::NotAuthorized)
                })
            }
            Parameter::MessagePublishCheckAcl(session, message) => {
                let allowed = gate.allows(&session.id, may_publish, &message.topic);
                HookResult::PublishAclResult(if allowed {
                    PublishAclResult::allow()
                } else {
                    PublishAclResult::rejected(false, None)
                })
            }
            Parameter::ClientConnected(session) if session.id.lid == DEVICES => {
                gate.connected(session);
                return (true, earlier);
            }
            Parameter::SessionSubscribed(session, subscribe) if session.id.lid == DEVICES => {
                gate.subscribed(&session.id, &subscribe.topic_filter);
                return (true, earlier);
            }
            Parameter::ClientDisconnected(session, _) if session.id.lid == DEVICES => {
                gate.disconnected(&session.id);
                return (true, earlier);
            }
            Parameter::SessionTerminated(session, _) if session.id.lid == DEVICES => {
                gate.clients().ended(&session.id, Instant::now());
                return (true, earlier);
            }
            _ => return (true, earlier),
        };
        (false, Some(result))
    }
}
