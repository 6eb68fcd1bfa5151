//! What devices say, made to drive what their requests over HTTP drive.

use std::sync::Arc;
use std::time::Duration;

use rumqttc::Publish;
use tokio::sync::mpsc;
use updraft_protocol::mqtt::{
    Kind, MAX_TOPIC, PayloadError, Presence, StatusMessage, Topic, VersionMessage,
};
use updraft_protocol::{DeviceId, DeviceTypeName, UpdateStatus};

use super::gate::Seen;
use super::link::Handle;
use super::{kept, orders};
use crate::config::DeviceAuth;
use crate::error::{ApiError, ApiResult};
use crate::identity::Words;
use crate::reported;
use crate::state::AppState;

/// How long a device that has come has to say what it runs, before it is told by what it ran last: one that was just
/// updated must not be told to update again.
const SAY_WITHIN: Duration = Duration::from_secs(5);

/// How long to wait for a disk that takes nothing.
const TRY_AGAIN: Duration = Duration::from_secs(5);

/// Reads one reader's share of the messages until the link ends.
pub(super) async fn read(
    state: AppState,
    handle: Arc<Handle>,
    mut messages: mpsc::Receiver<Publish>,
) {
    while let Some(message) = messages.recv().await {
        if let Some(topic) = topic(&message) {
            while let Err(error) = act(&state, &handle, &topic, &message.payload).await {
                tracing::warn!(%topic, %error, "what a device said over MQTT was not taken");
                // What was refused would be refused again.
                if !is_temporary(&error) {
                    break;
                }
                tokio::time::sleep(TRY_AGAIN).await;
            }
        }
        // On disk now. What was not acknowledged when the server ends comes again.
        handle.acknowledge(&message).await;
    }
}

/// Whether the disk did not take it now and may later. Nothing more is read meanwhile.
fn is_temporary(error: &ApiError) -> bool {
    matches!(error.code(), "disk_full" | "not_kept")
}

fn topic(message: &Publish) -> Option<Topic> {
    let bytes = message.topic.get(..MAX_TOPIC.min(message.topic.len()))?;
    let topic = std::str::from_utf8(bytes).ok()?.parse();
    match topic {
        Ok(topic) => Some(topic),
        Err(error) => {
            tracing::warn!(%error, "a message over MQTT has no device's topic");
            None
        }
    }
}

async fn act(
    state: &AppState,
    handle: &Arc<Handle>,
    topic: &Topic,
    payload: &[u8],
) -> ApiResult<()> {
    let id = &topic.device;
    match topic.kind {
        // The server's own word, or somebody's who may speak for it.
        Kind::Ota => Ok(()),
        Kind::Version => {
            let message = VersionMessage::read(payload).map_err(|error| unreadable(&error))?;
            checked_in(state, handle, id, message).await
        }
        Kind::Status => {
            let message = StatusMessage::read(payload).map_err(|error| unreadable(&error))?;
            handle.presence().heard(id);
            report(state, handle, id, message).await
        }
        Kind::Presence => match Presence::read(payload).map_err(|error| unreadable(&error))? {
            Presence::Offline => {
                handle.presence().gone(id, state.now());
                Ok(())
            }
            Presence::Online => {
                came(state, handle, id);
                Ok(())
            }
        },
    }
}

fn unreadable(error: &PayloadError) -> ApiError {
    ApiError::bad_request(error.code(), error.to_string())
}

/// A device says what it runs: a check-in, which is answered by an order if there is an offer.
async fn checked_in(
    state: &AppState,
    handle: &Arc<Handle>,
    id: &DeviceId,
    message: VersionMessage,
) -> ApiResult<()> {
    let device_type = device_type(state, id, message.device_type.as_ref())?;
    let format = message.format;
    let words = Words::of_version_message(message)?;
    let visit = state.visit(id, &device_type, &words).await?;
    // One that has just come has nothing of what it was told before.
    let again = if handle.presence().told_version(id, format, state.now()) {
        orders::Again::Now
    } else {
        orders::Again::Later
    };
    if let Some(offering) = visit.offer {
        orders::order(state, handle, id, (&offering, visit.terms), again).await?;
    }
    Ok(())
}

/// What the device is: as it says, else as it is known.
fn device_type(
    state: &AppState,
    id: &DeviceId,
    said: Option<&DeviceTypeName>,
) -> ApiResult<DeviceTypeName> {
    let known = state.devices().device(id).map(|device| device.device_type);
    let is_open = state.config().device_auth == DeviceAuth::Open;
    match (known, said) {
        (Some(known), None) => Ok(known),
        // Behind an external broker there is nobody else who could say that there is such a device.
        (None, _) if !is_open => Err(ApiError::not_found(
            "device_not_found",
            format!("there is no device {id}; enrol it first"),
        )),
        (_, Some(said)) => Ok(said.clone()),
        (None, None) => Ok(state.config().default_device_type.clone()),
    }
}

/// A device says how an update goes. Seed 003's says one word, which is about the order it was given.
async fn report(
    state: &AppState,
    handle: &Handle,
    id: &DeviceId,
    message: StatusMessage,
) -> ApiResult<()> {
    let Some(device) = state.devices().device(id) else {
        return Err(ApiError::not_found(
            "device_not_found",
            format!("there is no device {id}; enrol it first"),
        ));
    };
    // Another node may have told it.
    if handle.presence().ordered(id).is_none() {
        kept::read_one(state, handle, id).await?;
    }
    let ordered = handle.presence().ordered(id);
    let about = ordered
        .and_then(|release| state.offering(&release).ok())
        .map(|offering| {
            (
                offering.release.version.clone(),
                offering.release.id.clone(),
            )
        })
        .or_else(|| {
            let latest = device.deployments.first()?;
            Some((latest.version.clone(), latest.release_id.clone()))
        });
    let report = match (about, &message.version) {
        (Some((version, release)), _) => message.into_report(&version, Some(&release)),
        (None, Some(_)) => message.into_report("", None),
        (None, None) => {
            return Err(ApiError::unprocessable(
                "no_update_known",
                format!("{id} reports on an update, and none was ever offered to it"),
            ));
        }
    };
    reported::keep(state, id, &report).await?;
    if matches!(
        report.update_status,
        UpdateStatus::Failed | UpdateStatus::RolledBack | UpdateStatus::Rejected
    ) {
        handle.presence().failed(id);
    }
    Ok(())
}

/// Follows what the embedded broker sees of devices.
pub(super) async fn watch(state: AppState, handle: Arc<Handle>, mut seen: mpsc::Receiver<Seen>) {
    while let Some(seen) = seen.recv().await {
        match seen {
            Seen::Came(id) => came(&state, &handle, &id),
            Seen::Gone(id) => handle.presence().gone(&id, state.now()),
        }
    }
}

/// A device has come. It is told what to do once it has said what it runs, or has had the time to.
fn came(state: &AppState, handle: &Arc<Handle>, id: &DeviceId) {
    if !handle.presence().heard(id) {
        return;
    }
    let (state, handle, id) = (state.clone(), handle.clone(), id.clone());
    tokio::spawn(async move {
        if !handle.sleep(SAY_WITHIN).await {
            return;
        }
        if handle.presence().knows_version(&id) || !handle.presence().is_online(&id) {
            return;
        }
        orders::tell_returned(&state, &handle, &id).await;
    });
}
