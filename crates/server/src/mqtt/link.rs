use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rumqttc::{
    AsyncClient, ConnectReturnCode, ConnectionError, Event, EventLoop, Filter, MqttOptions, Packet,
    Publish, PublishProperties, QoS, SubscribeReasonCode,
};
use tokio::sync::{mpsc, watch};
use updraft_protocol::mqtt::{Kind, Topic, filter};

use super::config::IN_FLIGHT;
use super::gate::Seen;
use super::presence::Presence;
use super::{inbox, kept, orders};
use crate::state::AppState;

/// Seconds between tries to reach the broker; the last goes on.
const RETRY_SECONDS: [u64; 5] = [1, 2, 4, 8, 16];

/// Orders that may wait for the connection.
const OUTBOX: usize = 4096;

/// Tasks that read what devices say. Each waits for the disk, and those that wait together are written together; what
/// one device says stays in order, because it always goes to the same one.
const READERS: usize = 16;

/// Messages that may wait for one reader. The broker holds back what is to be acknowledged ([`IN_FLIGHT`]), and there is
/// always room for that much: what is not to be (`QoS` 0) is dropped before, and said again by the device some time.
const INBOX: usize = 4 * IN_FLIGHT as usize;

/// What the rest of the server has of the link.
#[derive(Debug)]
pub(crate) struct Handle {
    client: AsyncClient,
    connected: AtomicBool,
    presence: Presence,
    stopped: watch::Receiver<bool>,
}

impl Handle {
    /// Whether the broker is there.
    pub(crate) fn is_connected(&self) -> bool {
        self.connected.load(Ordering::Relaxed)
    }

    /// Which devices are there.
    pub(crate) fn presence(&self) -> &Presence {
        &self.presence
    }

    /// Waits; false if the server stops meanwhile.
    pub(super) async fn sleep(&self, time: Duration) -> bool {
        let mut stopped = self.stopped.clone();
        let stop = stopped.wait_for(|stopped| *stopped);
        tokio::time::timeout(time, stop).await.is_err()
    }

    /// Hands a message to the broker, which forgets it after `lifetime`. Never retained. Says whether it left.
    pub(super) fn publish(&self, topic: &Topic, payload: String, lifetime: Duration) -> bool {
        if !self.is_connected() {
            return false;
        }
        let properties = PublishProperties {
            message_expiry_interval: u32::try_from(lifetime.as_secs()).ok(),
            ..PublishProperties::default()
        };
        let sent = self.client.try_publish_with_properties(
            topic.to_string(),
            QoS::AtLeastOnce,
            false,
            payload,
            properties,
        );
        if let Err(error) = &sent {
            tracing::warn!(%topic, %error, "an order could not be handed to the broker");
        }
        sent.is_ok()
    }

    pub(super) async fn acknowledge(&self, message: &Publish) {
        if message.qos != QoS::AtMostOnce {
            // Without a connection the broker sends it again.
            let _ = self.client.ack(message).await;
        }
    }
}

/// The connection to the broker.
pub(super) struct Link {
    events: EventLoop,
    group: Option<String>,
}

impl Link {
    pub(super) fn new(
        options: MqttOptions,
        group: Option<String>,
        max_devices: usize,
        stopped: watch::Receiver<bool>,
    ) -> (Handle, Self) {
        let (client, events) = AsyncClient::builder(options).capacity(OUTBOX).build();
        let handle = Handle {
            client,
            connected: AtomicBool::new(false),
            presence: Presence::new(max_devices),
            stopped,
        };
        (handle, Self { events, group })
    }

    /// Keeps the connection up until the server stops.
    pub(super) async fn run(
        mut self,
        state: AppState,
        handle: Arc<Handle>,
        seen: Option<mpsc::Receiver<Seen>>,
    ) {
        let mut stopped = handle.stopped.clone();
        // That broker sends again by itself what is not acknowledged.
        let is_embedded = seen.is_some();
        let mut readers = tokio::task::JoinSet::new();
        let inboxes: Vec<_> = (0..READERS)
            .map(|_| {
                let (inbox, messages) = mpsc::channel(INBOX);
                readers.spawn(inbox::read(state.clone(), handle.clone(), messages));
                inbox
            })
            .collect();
        if let Some(seen) = seen {
            readers.spawn(inbox::watch(state.clone(), handle.clone(), seen));
        }
        readers.spawn(orders::tell_changes(state.clone(), handle.clone()));
        let keeping = tokio::spawn(kept::keep(state.clone(), handle.clone()));
        let mut failures = 0;
        loop {
            let event = tokio::select! {
                event = self.events.poll() => event,
                _ = stopped.wait_for(|stopped| *stopped) => break,
            };
            match event {
                Ok(Event::Incoming(Packet::ConnAck(ack)))
                    if ack.code == ConnectReturnCode::Success =>
                {
                    failures = 0;
                    tracing::info!("connected to the MQTT broker");
                    self.subscribe(&handle);
                }
                Ok(Event::Incoming(Packet::SubAck(ack))) => {
                    if let Some(code) = ack
                        .return_codes
                        .iter()
                        .find(|code| !matches!(code, SubscribeReasonCode::Success(_)))
                    {
                        tracing::error!(
                            ?code,
                            "the MQTT broker does not let this server hear devices: it needs devices/#"
                        );
                    }
                    handle.connected.store(true, Ordering::Relaxed);
                    // Whoever was promoted to while the broker was away.
                    state.core().offers_changed();
                }
                Ok(Event::Incoming(Packet::Publish(message))) => {
                    if !take(&inboxes, message) && !is_embedded {
                        // An external one does so only on a new connection, and would hold back the more messages the
                        // more it waits for.
                        handle.connected.store(false, Ordering::Relaxed);
                        self.events.clean();
                        if !handle.sleep(Duration::from_secs(RETRY_SECONDS[0])).await {
                            break;
                        }
                    }
                }
                Ok(_) => {}
                Err(error) => {
                    if handle.connected.swap(false, Ordering::Relaxed) || failures == 0 {
                        tracing::warn!(%error, "the MQTT broker is away; devices poll meanwhile");
                    }
                    let seconds = RETRY_SECONDS
                        .get(failures)
                        .unwrap_or(&RETRY_SECONDS[RETRY_SECONDS.len() - 1]);
                    failures += 1;
                    if matches!(error, ConnectionError::ConnectionRefused(_)) {
                        tracing::warn!(%error, "the MQTT broker refuses this server");
                    }
                    tokio::select! {
                        () = tokio::time::sleep(Duration::from_secs(*seconds)) => {}
                        _ = stopped.wait_for(|stopped| *stopped) => break,
                    }
                }
            }
        }
        // What was read is written before the store is closed; the broker keeps the rest.
        drop(inboxes);
        readers.shutdown().await;
        // One that panicked has said so.
        let _ = keeping.await;
        kept::write(&state, &handle).await;
    }

    /// Asks for what devices say. Nodes of a group share what is to be acted on once, and each hears who is there.
    fn subscribe(&self, handle: &Handle) {
        let shared = |kind| match &self.group {
            Some(group) => format!("$share/{group}/{}", filter(kind)),
            None => filter(kind),
        };
        let filters = [
            shared(Kind::Status),
            shared(Kind::Version),
            filter(Kind::Presence),
        ]
        .map(|path| Filter::new(path, QoS::AtLeastOnce));
        if let Err(error) = handle.client.try_subscribe_many(filters) {
            tracing::error!(%error, "the MQTT broker was not asked for what devices say");
        }
    }
}

/// Hands a message to its device's reader. False if it is to be acknowledged and there is no room: only where a broker
/// sent again what still waits here.
fn take(inboxes: &[mpsc::Sender<Publish>], message: Publish) -> bool {
    let hasher = BuildHasherDefault::<DefaultHasher>::default();
    // devices/ID/…: all of one device's topics have the same second part.
    let device = message.topic.split(|&byte| byte == b'/').nth(1);
    let index = hasher.hash_one(device) as usize % READERS;
    let Some(inbox) = inboxes.get(index) else {
        return true;
    };
    let may_be_lost = message.qos == QoS::AtMostOnce;
    let is_taken = (!may_be_lost || inbox.capacity() > usize::from(IN_FLIGHT))
        && inbox.try_send(message).is_ok();
    if !is_taken {
        tracing::warn!("devices say more over MQTT than can be read; a message was passed over");
    }
    is_taken || may_be_lost
}
