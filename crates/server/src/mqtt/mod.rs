//! MQTT, as seed 003 has it: devices say what they run and how an update goes, and are told to update at once.
//!
//! One [`Link`](link) connects to a broker.
//! What devices say drives the very code that their requests over HTTP do. What they are told is never more than an
//! accelerator: an order is published to a device that is there, and one that is not gets it when it returns, because
//! what it is to run is decided anew each time. Without a broker, devices poll on.

mod config;
mod inbox;
mod kept;
mod link;
mod orders;
mod presence;
mod tls;

use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::state::AppState;

pub use config::{Broker, Mqtt, MqttError};
pub(crate) use link::Handle;
pub(crate) use orders::{Sent, check_update};

/// What nodes over one database are called together unless they are told another name.
const GROUP: &str = "updraft";

/// MQTT at work.
#[derive(Debug)]
pub(crate) struct Started {
    /// The link's task, which ends when it is told to stop.
    task: JoinHandle<()>,
}

impl Started {
    /// Waits until the link has ended.
    pub(crate) async fn stop(self) {
        // A link that panicked has said so.
        let _ = self.task.await;
    }
}

/// Starts what the configuration asks for. The link connects by itself, now or later.
pub(crate) async fn start(
    state: &AppState,
    stopped: watch::Receiver<bool>,
) -> Result<Option<Started>, MqttError> {
    let Mqtt::Broker(broker) = &state.config().mqtt else {
        return Ok(None);
    };
    let mut broker = broker.clone();
    if state.store().is_shared() && broker.group.is_none() {
        broker.group = Some(GROUP.to_owned());
    }
    let options = broker.options(&state.config().data_dir)?;
    let max_devices = state.limits().max_devices;
    let (handle, link) = link::Link::new(options, broker.group.clone(), max_devices, stopped);
    let handle = Arc::new(handle);
    if let Err(error) = kept::read(state, &handle).await {
        tracing::warn!(%error, "who was connected over MQTT is not known; they are told when they say something");
    }
    state.set_mqtt(handle.clone());
    let task = tokio::spawn(link.run(state.clone(), handle));
    Ok(Some(Started { task }))
}
