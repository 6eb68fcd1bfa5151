//! Orders over MQTT: being told to update, instead of asking.
//!
//! An order only ever makes the device do sooner what it would do at its next check-in. A bare URL, which anybody could
//! publish who may write to the topic, makes it check in; an offer is installed under the very rules of one that a
//! check-in brought. Without a broker the device polls on.
//!
//! What the device says here, it also says to its server over HTTP, where an answer tells that it was kept.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};
use core::convert::Infallible;
use core::future::poll_fn;
use core::task::{Poll, Waker};

use embassy_futures::select::{Either, select};
use updraft_protocol::mqtt::{Format, Kind, Order, Presence, StatusMessage, Topic, VersionMessage};
use updraft_protocol::{ReasonCode, Report};

use crate::backoff::{RETRY_SECONDS, with_jitter};
use crate::board::{Board, Clock, System};
use crate::failure::Failure;
use crate::updater::Updater;

/// Most statuses that wait for the connection; the oldest goes first. What matters is reported over HTTP, too.
const MAX_WAITING: usize = 4;

/// How a device shows its broker who it is.
#[derive(Debug)]
pub struct Login<'a> {
    /// The client's name and the user's: the device's id.
    pub device: &'a str,
    /// The device's own token.
    pub token: Option<&'a str>,
    /// The topic to subscribe to, at least once (`QoS` 1).
    pub orders: &'a str,
    /// The topic of the last will.
    pub presence: &'a str,
    /// What the last will says.
    pub offline: &'a str,
}

/// An MQTT client, as the updater needs it.
pub trait Messages {
    /// Connects, with a clean session, and subscribes. Whatever connection there was is dropped.
    fn connect(&mut self, login: &Login<'_>) -> impl Future<Output = Result<(), Failure>>;

    /// The next order's payload; an error once the connection is lost. Dropping the future loses no message.
    fn next(&mut self) -> impl Future<Output = Result<Vec<u8>, Failure>>;

    /// Publishes at least once (`QoS` 1), not retained.
    fn publish(&mut self, topic: &str, payload: &[u8])
    -> impl Future<Output = Result<(), Failure>>;
}

/// What passes between the updater and its task for messages.
#[derive(Default)]
pub(crate) struct Orders {
    /// The latest order that was not followed yet.
    order: Cell<Option<Box<Order>>>,
    /// Who waits for it.
    waker: RefCell<Option<Waker>>,
    /// The task's side; none on a device without MQTT.
    task: RefCell<Option<Box<Outbox>>>,
}

#[derive(Default)]
struct Outbox {
    waiting: Vec<String>,
    waker: Option<Waker>,
}

impl Orders {
    /// Forgets what has not been followed: a check-in is about to tell what holds now.
    pub(crate) fn clear(&self) {
        self.order.set(None);
    }

    /// Waits for an order.
    pub(crate) async fn next(&self) -> Box<Order> {
        poll_fn(|context| {
            if let Some(order) = self.order.take() {
                return Poll::Ready(order);
            }
            *self.waker.borrow_mut() = Some(context.waker().clone());
            Poll::Pending
        })
        .await
    }

    fn give(&self, order: Order) {
        self.order.set(Some(Box::new(order)));
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.wake();
        }
    }

    /// Also says it over MQTT, where somebody may watch.
    pub(crate) fn say(&self, report: &Report) {
        let mut task = self.task.borrow_mut();
        let Some(outbox) = task.as_mut() else {
            return;
        };
        let Ok(json) = serde_json::to_string(&StatusMessage::from(report.clone())) else {
            return;
        };
        if outbox.waiting.len() >= MAX_WAITING {
            outbox.waiting.remove(0);
        }
        outbox.waiting.push(json);
        if let Some(waker) = outbox.waker.take() {
            waker.wake();
        }
    }

    /// Waits for something to say.
    async fn said(&self) -> String {
        poll_fn(|context| {
            let mut task = self.task.borrow_mut();
            let Some(outbox) = task.as_mut() else {
                return Poll::Pending;
            };
            if outbox.waiting.is_empty() {
                outbox.waker = Some(context.waker().clone());
                return Poll::Pending;
            }
            Poll::Ready(outbox.waiting.remove(0))
        })
        .await
    }
}

impl<B: Board> Updater<B> {
    /// Keeps a connection to the broker, and follows the orders that come by it. Run it beside [`run`](Self::run).
    ///
    /// A broker that is away is tried again after 2, 4, 8, 16 and 32 seconds, with jitter, and then every 32.
    pub async fn follow_orders(&self, client: &mut impl Messages) -> Infallible {
        *self.orders.task.borrow_mut() = Some(Box::default());
        let mut tries = 0;
        loop {
            let Err(failure) = self.stay_connected(client, &mut tries).await;
            self.show_failure(&failure);
            let last = RETRY_SECONDS[RETRY_SECONDS.len() - 1];
            let seconds = RETRY_SECONDS.get(tries).copied().unwrap_or(last);
            tries += 1;
            let percent = self.settings.jitter_percent;
            let wait = with_jitter(&self.system, u64::from(seconds) * 1000, percent);
            self.clock.sleep_ms(wait).await;
        }
    }

    fn topic(&self, kind: Kind) -> String {
        let device = self.settings.device_id.clone();
        Topic { device, kind }.to_string()
    }

    /// One connection, until it is lost.
    async fn stay_connected(
        &self,
        client: &mut impl Messages,
        tries: &mut usize,
    ) -> Result<Infallible, Failure> {
        let token = self.token().await?;
        let [orders, presence, status, version] =
            [Kind::Ota, Kind::Presence, Kind::Status, Kind::Version].map(|kind| self.topic(kind));
        let login = Login {
            device: self.settings.device_id.as_str(),
            token: token.as_deref(),
            orders: &orders,
            presence: &presence,
            offline: Presence::Offline.as_str(),
        };
        client.connect(&login).await?;
        *tries = 0;
        let online = Presence::Online.as_str().as_bytes();
        client.publish(&presence, online).await?;
        let words = serde_json::to_vec(&self.version_message())
            .map_err(|error| Failure::new(ReasonCode::ProtocolError, error))?;
        client.publish(&version, &words).await?;
        loop {
            match select(client.next(), self.orders.said()).await {
                Either::First(message) => match Order::read(&message?) {
                    Ok(order) => self.orders.give(order),
                    Err(error) => {
                        self.show_failure(&Failure::new(ReasonCode::ProtocolError, error));
                    }
                },
                Either::Second(said) => client.publish(&status, said.as_bytes()).await?,
            }
        }
    }

    fn version_message(&self) -> VersionMessage {
        VersionMessage {
            format: Format::Json,
            device_type: Some(self.settings.device_type.clone()),
            elf_sha256: Some(self.app.elf_sha256),
            slot: Some(self.app.slot.to_string()),
            state: Some(self.app.state.get()),
            reset_reason: Some(self.system.reset_reason()),
            chip: Some(self.system.chip().name().into()),
            secure_version: Some(self.system.secure_version()),
            slot_size: self.flash.borrow().smallest_free_slot(),
            ..VersionMessage::of(&self.app.version)
        }
    }
}
