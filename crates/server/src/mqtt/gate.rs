use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use async_trait::async_trait;
use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use rmqtt::codec::v5::SubscribeAckReason;
use rmqtt::hook::{Handler, HookResult, Parameter, ReturnType};
use rmqtt::types::{
    AuthResult, ConnectInfo, LastWill, ListenerId, PublishAclResult, SubscribeAclResult,
};
use subtle::ConstantTimeEq as _;
use tokio::sync::mpsc;
use updraft_protocol::DeviceId;
use updraft_protocol::mqtt::{Kind, Topic, may_publish, may_subscribe};
use updraft_store::TokenHash;

use crate::auth::Throttle;
use crate::devices::Devices;

/// The number of the listener for this server's own link.
pub(super) const INTERNAL: ListenerId = 1;

/// The number of the listener for devices.
pub(super) const DEVICES: ListenerId = 2;

/// What the broker itself sees of a device, which need not say so: seed 003's leave no will.
#[derive(Debug)]
pub(super) enum Seen {
    /// It waits for its orders.
    Came(DeviceId),
    /// Its connection has ended.
    Gone(DeviceId),
}

/// Who connected under a client's name.
#[derive(Debug, Clone)]
struct Client {
    device: DeviceId,
    token: TokenHash,
    /// Connections under this name that have not ended; for a moment two, when one takes the other's place.
    sessions: u32,
}

/// Decides who may connect to the embedded broker, and what they may say and hear there.
#[derive(Debug)]
pub(super) struct Gate {
    devices: Arc<Devices>,
    throttle: Throttle,
    /// What the server's own link shows.
    internal: TokenHash,
    /// Sessions are found by the client's name, and whoever takes a name takes the session: a name in use belongs to
    /// the device that uses it.
    clients: DashMap<String, Client>,
    max_clients: usize,
    seen: mpsc::Sender<Seen>,
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
            clients: DashMap::new(),
            max_clients,
            seen,
        }
    }

    /// Whether this client may connect. A device shows its id and its own token; nobody is let in without.
    fn admit(&self, connect: &ConnectInfo) -> AuthResult {
        let id = connect.id();
        let address = id
            .remote_addr
            .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |address| address.ip());
        let secret = connect
            .password()
            .and_then(|password| std::str::from_utf8(password).ok())
            .map(TokenHash::of);
        if id.lid == INTERNAL {
            return match secret {
                Some(secret) if bool::from(secret.0.ct_eq(&self.internal.0)) => {
                    AuthResult::Allow(true, None)
                }
                _ => AuthResult::NotAuthorized,
            };
        }
        let device = connect
            .username()
            .and_then(|name| name.parse::<DeviceId>().ok());
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
        if !self.claim(&id.client_id, &device, token) {
            tracing::warn!(%device, client = %id.client_id, "refused at the MQTT broker: the client's name is another device's");
            return AuthResult::NotAuthorized;
        }
        AuthResult::Allow(false, None)
    }

    /// Takes a client's name for a device. Another device's own name is always that device's.
    fn claim(&self, name: &str, device: &DeviceId, token: TokenHash) -> bool {
        let other = name
            .parse::<DeviceId>()
            .is_ok_and(|other| other != *device && self.devices.device(&other).is_some());
        if other {
            return false;
        }
        // Asked outside of the entry's lock, which the count would wait for.
        let has_room = self.clients.len() < self.max_clients;
        match self.clients.entry(name.to_owned()) {
            Entry::Occupied(mut in_use) => {
                let client = in_use.get_mut();
                if client.device != *device {
                    return false;
                }
                client.token = token;
                client.sessions = client.sessions.saturating_add(1);
                true
            }
            Entry::Vacant(free) if has_room => {
                free.insert(Client {
                    device: device.clone(),
                    token,
                    sessions: 1,
                });
                true
            }
            Entry::Vacant(_) => false,
        }
    }

    /// A client subscribed.
    fn subscribed(&self, name: &str, filter: &str) {
        let Some(device) = self.device(name) else {
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
    fn disconnected(&self, name: &str) {
        // With two sessions, the other has just taken this one's place.
        let gone = self
            .clients
            .get(name)
            .filter(|client| client.sessions <= 1)
            .map(|client| client.device.clone());
        if let Some(device) = gone {
            self.tell(Seen::Gone(device));
        }
    }

    fn tell(&self, seen: Seen) {
        if self.seen.try_send(seen).is_err() {
            tracing::warn!("devices come and go faster at the MQTT broker than can be followed");
        }
    }

    /// A session has ended.
    fn release(&self, name: &str) {
        self.clients.remove_if_mut(name, |_, client| {
            client.sessions = client.sessions.saturating_sub(1);
            client.sessions == 0
        });
    }

    /// Whose session it is, as long as its token is the device's.
    fn device(&self, name: &str) -> Option<DeviceId> {
        let client = self.clients.get(name)?;
        let is_valid = self.devices.by_token(client.token).as_ref() == Some(&client.device);
        is_valid.then(|| client.device.clone())
    }

    /// Whether a client may do this with a topic.
    fn allows(
        &self,
        (listener, name): (ListenerId, &str),
        rule: fn(&DeviceId, &str) -> bool,
        topic: &str,
    ) -> bool {
        if listener == INTERNAL {
            return true;
        }
        let device = self.device(name);
        let allowed = device.as_ref().is_some_and(|device| rule(device, topic));
        if !allowed {
            let device = device.map(|device| device.to_string());
            tracing::info!(
                client = name,
                device,
                topic,
                "refused a topic at the MQTT broker"
            );
        }
        allowed
    }
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
            Parameter::ClientAuthenticate(connect) => HookResult::AuthResult(gate.admit(connect)),
            Parameter::ClientSubscribeCheckAcl(session, subscribe) => {
                let client = (session.id.lid, &*session.id.client_id);
                let allowed = gate.allows(client, may_subscribe, &subscribe.topic_filter);
                HookResult::SubscribeAclResult(if allowed {
                    SubscribeAclResult::new_success(subscribe.opts.qos(), None)
                } else {
                    SubscribeAclResult::new_failure(SubscribeAckReason::NotAuthorized)
                })
            }
            Parameter::MessagePublishCheckAcl(session, message) => {
                let client = (session.id.lid, &*session.id.client_id);
                HookResult::PublishAclResult(if gate.allows(client, may_publish, &message.topic) {
                    PublishAclResult::allow()
                } else {
                    PublishAclResult::rejected(false, None)
                })
            }
            Parameter::SessionSubscribed(session, subscribe) if session.id.lid == DEVICES => {
                gate.subscribed(&session.id.client_id, &subscribe.topic_filter);
                return (true, earlier);
            }
            Parameter::ClientDisconnected(session, _) if session.id.lid == DEVICES => {
                gate.disconnected(&session.id.client_id);
                return (true, earlier);
            }
            Parameter::SessionTerminated(session, _) => {
                gate.release(&session.id.client_id);
                return (true, earlier);
            }
            _ => return (true, earlier),
        };
        (false, Some(result))
    }
}
