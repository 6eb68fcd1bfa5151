//! Who is connected, kept in the store: it outlives a restart, and every node knows whom another one heard.

use std::sync::Arc;
use std::time::Duration;

use updraft_protocol::DeviceId;

use super::link::Handle;
use crate::error::ApiResult;
use crate::state::AppState;

/// How often who came and went is written. What a killed server had heard within this is made good by the device's
/// next word.
const WRITE_EVERY: Duration = Duration::from_secs(1);

/// Devices written in one transaction.
const BATCH: usize = 512;

/// Writes who came and went until the server stops.
pub(super) async fn keep(state: AppState, handle: Arc<Handle>) {
    while handle.sleep(WRITE_EVERY).await {
        write(&state, &handle).await;
    }
}

/// Writes who came and went; what fails is tried again.
pub(super) async fn write(state: &AppState, handle: &Handle) {
    let mut news = handle.presence().take_news();
    while !news.is_empty() {
        let rest = news.split_off(news.len().min(BATCH));
        if let Err(error) = state.store().note_presence(&news).await {
            tracing::warn!(%error, "who is connected over MQTT could not be written; trying again");
            news.extend(rest);
            handle.presence().put_back(news);
            return;
        }
        news = rest;
    }
}

/// Reads who is connected.
pub(super) async fn read(state: &AppState, handle: &Handle) -> ApiResult<()> {
    for device in state.store().mqtt_devices().await? {
        handle.presence().learn(device);
    }
    Ok(())
}

/// Reads whether one device is connected, where another node may know.
pub(super) async fn read_one(state: &AppState, handle: &Handle, id: &DeviceId) -> ApiResult<()> {
    if state.store().is_shared()
        && let Some(device) = state.store().mqtt_device(id).await?
    {
        handle.presence().learn(device);
    }
    Ok(())
}
