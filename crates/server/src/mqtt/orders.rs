//! Telling devices to update.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use updraft_protocol::DeviceId;
use updraft_protocol::api::DeploymentState;
use updraft_protocol::mqtt::{Format, Kind, Topic};
use utoipa::ToSchema;

use super::kept;
use super::link::Handle;
use crate::devices::Proposal;
use crate::error::ApiResult;
use crate::identity::Words;
use crate::published::{Offering, Terms};
use crate::signed_urls::{order_url, signed_path};
use crate::state::AppState;

/// How changes are gathered before devices are told: publishing and promoting is often two steps.
const GATHER: Duration = Duration::from_millis(50);

/// How often devices are told what time alone brings: a window that opens, a place that another left, a device that was
/// in another node's care. Deciding takes microseconds a device.
const SWEEP_SECONDS: i64 = 60;

/// Devices whose orders are claimed in one transaction.
const BATCH: usize = 256;

/// Where a device's way to a release stands when it has what it was told, and may be about to start it: only its own
/// next word tells.
const HAS_IT: &[DeploymentState] = &[DeploymentState::Downloaded, DeploymentState::Rebooting];

/// The same, or is fetching it.
const AT_IT: &[DeploymentState] = &[
    DeploymentState::Downloading,
    DeploymentState::Downloaded,
    DeploymentState::Rebooting,
];

/// Whether a device may be told what it was told a moment ago.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    /// Only once its URL has expired: one that is told twice may flash twice.
    Later,
    /// At once: it has just come, or somebody asks for it.
    Now,
}

/// What became of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Sent {
    /// It was handed to the broker; the device is connected.
    Published,
    /// The device is not connected: it is told when it returns, or learns it at its next check-in.
    Waits,
    /// The device was told a moment ago and is at it.
    UnderWay,
    /// There is nothing to tell.
    Nothing,
}

/// Tells every device that is there, each time that what devices get may have changed.
pub(super) async fn tell_changes(state: AppState, handle: Arc<Handle>) {
    let clock = &state.core().clock;
    loop {
        tokio::select! {
            () = state.core().changed_offers() => tokio::time::sleep(GATHER).await,
            () = clock.wait_until(clock.now() + SWEEP_SECONDS) => {}
        }
        // What was in the care of a node that is no more.
        if state.store().is_shared()
            && let Err(error) = kept::read(&state, &handle).await
        {
            tracing::warn!(%error, "who is connected to other nodes could not be read");
        }
        // One that has not said what it runs yet is told when it does.
        for devices in handle.presence().online().chunks(BATCH) {
            tell(&state, &handle, devices, AT_IT).await;
        }
    }
}

/// Tells a device that came back without a word what to do by what it ran last.
pub(super) async fn tell_returned(state: &AppState, handle: &Handle, id: &DeviceId) {
    tell(state, handle, std::slice::from_ref(id), HAS_IT).await;
}

/// Decides what these devices are to run by what is known of them, and tells those that are there and not `at_it`.
async fn tell(state: &AppState, handle: &Handle, devices: &[DeviceId], at_it: &[DeploymentState]) {
    if !handle.is_connected() {
        return;
    }
    let since = expired_before(state);
    let wanted: Vec<(DeviceId, String)> = {
        let (published, now) = (state.published(), state.now());
        let due = |id: &DeviceId| {
            let words = words(handle, id);
            let release = state.devices().due(&published, id, &words, at_it, now)?;
            let told = handle.presence().was_ordered(id, &release, since);
            (!told).then(|| (id.clone(), release))
        };
        devices.iter().filter_map(due).collect()
    };
    if wanted.is_empty() {
        return;
    }
    let ours = match claim(state, &wanted, Again::Later).await {
        Ok(ours) => ours,
        Err(error) => {
            tracing::warn!(%error, "devices were not told of an update; trying again in a minute");
            return;
        }
    };
    for ((id, release), is_ours) in wanted.iter().zip(ours) {
        // By whichever node.
        handle.presence().order(id, release, state.now());
        if is_ours && let Err(error) = propose_to(state, handle, id).await {
            tracing::warn!(device = %id, %error, "a device was not told of an update");
        }
    }
}

/// The moment before which an order's URL was signed that has expired, Unix seconds.
fn expired_before(state: &AppState) -> i64 {
    let lifetime = state.config().signed_urls.lifetime.as_secs();
    state.now().saturating_sub_unsigned(lifetime)
}

/// Takes it upon this node to tell devices something; says for each whether it did.
async fn claim(
    state: &AppState,
    wanted: &[(DeviceId, String)],
    again: Again,
) -> ApiResult<Vec<bool>> {
    let since = match again {
        Again::Later => expired_before(state),
        Again::Now => i64::MAX,
    };
    let store = state.store();
    Ok(store.claim_orders(wanted, state.now(), since).await?)
}

/// What a device that this node tells would be offered now is offered, and it is told.
async fn propose_to(state: &AppState, handle: &Handle, id: &DeviceId) -> ApiResult<()> {
    let sent = match propose(state, id, &words(handle, id)).await? {
        Some((offering, terms)) => publish(state, handle, id, (&offering, terms)).await?,
        None => false,
    };
    if !sent {
        give_up(state, handle, id).await?;
    }
    Ok(())
}

/// What a device says by the form in which it wants its orders: a bare URL cannot say when to activate.
fn words(handle: &Handle, id: &DeviceId) -> Words {
    Words {
        can_wait: handle.presence().format(id) == Format::Json,
        ..Words::default()
    }
}

/// What the device would be offered now, and is.
async fn propose(
    state: &AppState,
    id: &DeviceId,
    words: &Words,
) -> ApiResult<Option<(Arc<Offering>, Terms)>> {
    loop {
        let proposal = state
            .devices()
            .propose(&state.peek(), id, words, state.now());
        match proposal {
            Proposal::Nothing => return Ok(None),
            Proposal::Offer(made) => {
                if made.is_capped && state.store().is_shared() {
                    state.write_device(id).await?;
                }
                return Ok(Some((made.offering, made.terms)));
            }
            Proposal::FirstOffer(offering) => state.first_offer(&offering).await?,
        }
    }
}

/// Orders a device that is there to install what it is offered.
pub(super) async fn order(
    state: &AppState,
    handle: &Handle,
    id: &DeviceId,
    offer: (&Offering, Terms),
    again: Again,
) -> ApiResult<Sent> {
    if !handle.is_connected() || !handle.presence().is_online(id) {
        return Ok(Sent::Waits);
    }
    let release = &offer.0.release.id;
    if again == Again::Later
        && handle
            .presence()
            .was_ordered(id, release, expired_before(state))
    {
        return Ok(Sent::UnderWay);
    }
    let ours = claim(state, &[(id.clone(), release.clone())], again).await?;
    handle.presence().order(id, release, state.now());
    if !ours.contains(&true) {
        return Ok(Sent::UnderWay);
    }
    if publish(state, handle, id, offer).await? {
        return Ok(Sent::Published);
    }
    give_up(state, handle, id).await?;
    Ok(Sent::Waits)
}

/// An order was claimed and is not sent: another may.
async fn give_up(state: &AppState, handle: &Handle, id: &DeviceId) -> ApiResult<()> {
    handle.presence().not_ordered(id);
    Ok(state.store().disclaim_order(id).await?)
}

/// Hands an order to the broker; says whether it left.
async fn publish(
    state: &AppState,
    handle: &Handle,
    id: &DeviceId,
    (offering, terms): (&Offering, Terms),
) -> ApiResult<bool> {
    let payload = match handle.presence().format(id) {
        Format::Json => {
            let mut offer = terms.apply(&offering.offer);
            offer.download_url = signed_path(state, id, offering, false).await?;
            serde_json::to_string(&offer).unwrap_or_default()
        }
        _ => order_url(state, id, offering).await?,
    };
    let topic = Topic {
        device: id.clone(),
        kind: Kind::Ota,
    };
    let lifetime = state.config().signed_urls.lifetime;
    let sent = handle.publish(&topic, payload, lifetime);
    if sent {
        tracing::info!(device = %id, version = offering.release.version, "told to update over MQTT");
    }
    Ok(sent)
}

/// Decides for one device because `actor` asks, and tells it at once if it is there.
pub(crate) async fn check_update(
    state: &AppState,
    id: &DeviceId,
    actor: &str,
) -> ApiResult<(Sent, Option<String>)> {
    if let Some(handle) = state.mqtt() {
        kept::read_one(state, handle, id).await?;
    }
    let words = state
        .mqtt()
        .map_or_else(Words::default, |handle| words(handle, id));
    let proposed = propose(state, id, &words).await?;
    let version = proposed
        .as_ref()
        .map(|(offering, _)| offering.release.version.clone());
    // Before anything leaves: what was done and is not written was done by nobody.
    let detail = serde_json::json!({ "offer": version });
    let store = state.store();
    store
        .note_device(id, "device.check_update", detail, actor)
        .await?;
    let sent = match (proposed, state.mqtt()) {
        (None, _) => Sent::Nothing,
        (Some(_), None) => Sent::Waits,
        (Some((offering, terms)), Some(handle)) => {
            order(state, handle, id, (&offering, terms), Again::Now).await?
        }
    };
    Ok((sent, version))
}
