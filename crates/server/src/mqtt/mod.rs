//! MQTT, as seed 003 has it: devices say what they run and how an update goes, and are told to update at once.
//!
//! One [`Link`](link) connects to a broker, an external one or the [embedded](broker) one, and both are the same to it.
//! What devices say drives the very code that their requests over HTTP do. What they are told is never more than an
//! accelerator: an order is published to a device that is there, and one that is not gets it when it returns, because
//! what it is to run is decided anew each time. Without a broker, devices poll on.

mod broker;
mod clients;
mod config;
mod gate;
mod inbox;
mod kept;
mod link;
mod orders;
mod presence;
mod tls;

use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::server::StartError;
use crate::state::AppState;

pub use config::{Broker, Embedded, MQTT_LISTEN, Mqtt, MqttError};
pub(crate) use link::Handle;
pub(crate) use orders::{Sent, check_update};

/// What nodes over one database are called together unless they are told another name.
const GROUP: &str = "updraft";

/// MQTT at work.
#[derive(Debug)]
pub(crate) struct Started {
    /// The link's task, which ends when it is told to stop.
    task: JoinHandle<()>,
    broker: Option<broker::Running>,
}

impl Started {
    /// Where the embedded broker listens.
    pub(crate) fn listening(&self) -> Option<std::net::SocketAddr> {
        self.broker.as_ref().map(|broker| broker.local_addr)
    }

    /// Waits until the link has ended, and stops the embedded broker.
    pub(crate) async fn stop(self) {
        // A link that panicked has said so.
        let _ = self.task.await;
        if let Some(broker) = self.broker {
            broker.stop();
        }
    }
}

/// Starts what the configuration asks for. The link connects by itself, now or later.
pub(crate) async fn start(
    state: &AppState,
    stopped: watch::Receiver<bool>,
) -> Result<Option<Started>, StartError> {
    let (options, mut broker, group) = match &state.config().mqtt {
        Mqtt::Off => return Ok(None),
        Mqtt::Embedded(_) if state.store().is_shared() => return Err(MqttError::NotShared.into()),
        Mqtt::Embedded(embedded) => {
            let running = broker::start(state, embedded).await?;
            (running.options(), Some(running), None)
        }
        Mqtt::Broker(broker) => {
            let mut broker = broker.clone();
            if state.store().is_shared() && broker.group.is_none() {
                broker.group = Some(GROUP.to_owned());
            }
            let options = broker.options(&state.config().data_dir)?;
            (options, None, broker.group)
        }
    };
    let seen = broker.as_mut().and_then(|broker| broker.seen.take());
    let max_devices = state.limits().max_devices;
    let (handle, link) = link::Link::new(options, group, max_devices, stopped);
    let handle = Arc::new(handle);
    if let Err(error) = kept::read(state, &handle).await {
        tracing::warn!(%error, "who was connected over MQTT is not known; they are told when they say something");
    }
    state.set_mqtt(handle.clone());
    let task = tokio::spawn(link.run(state.clone(), handle, seen));
    Ok(Some(Started { task, broker }))
}
