//! Making a snapshot this relay's own.

use updraft_protocol::api::relay::{RelayedDevice, SnapshotBody, SnapshotHead};
use updraft_store::{RelayImport, RolloutRecord};

use super::RelayError;
use crate::devices::{Move, Takeover};
use crate::error::{ApiError, ApiResult};
use crate::published::Published;
use crate::rollouts::taken_over;
use crate::state::AppState;

/// How often devices whose news is on its way to the disk are looked at again.
const ROUNDS: u32 = 5;

/// Takes a checked snapshot over. What devices said here and the primary has not heard stays, and counts on top of it:
/// failures seen here stop a rollout here until the primary says otherwise.
pub(super) async fn take(
    state: &AppState,
    head: &SnapshotHead,
    body: SnapshotBody,
    asked_at: i64,
) -> Result<(), RelayError> {
    let head_text = serde_json::to_string(head).map_err(|error| ApiError::internal(&error))?;
    let expires_at = head.expires_at;
    let (revision, devices) = (head.revision, body.devices.len());
    let worker = state.clone();
    state
        .change(async move {
            let state = worker;
            import(&state, head_text, &body, asked_at).await?;
            let core = state.core();
            core.hold().await;
            let taken = make_own(&state, &body.devices).await;
            if taken.is_err() {
                // The next try makes it whole; until then, what fails here still stops what it has to.
                core.let_go();
            } else {
                core.set_expiry(expires_at);
                core.publish_afresh().await?;
            }
            taken
        })
        .await?;
    tracing::info!(revision, devices, expires_at, "took over a snapshot");
    Ok(())
}

async fn make_own(state: &AppState, devices: &[RelayedDevice]) -> ApiResult<()> {
    let published = state.core().take_over_quietly().await?;
    let ahead = take_devices(state, devices, &published).await?;
    state.core().write_moves(&[], &ahead).await?;
    Ok(())
}

async fn import(
    state: &AppState,
    head: String,
    body: &SnapshotBody,
    asked_at: i64,
) -> ApiResult<()> {
    let rollouts: ApiResult<Vec<RolloutRecord>> = body.rollouts.iter().map(taken_over).collect();
    let (changed, without_token) = state.devices().compare(&body.devices, asked_at);
    let import = RelayImport {
        head,
        types: &body.types,
        channels: &body.channels,
        releases: &body.releases,
        rollouts: &rollouts?,
        devices: &changed,
        without_token: &without_token,
    };
    state.store().import(&import).await?;
    state.devices().take_settings(&changed, &without_token);
    state.devices().take_elsewhere(&body.rollouts);
    Ok(())
}

/// Takes over what the primary knows of the devices. What rollouts are to count beyond that.
async fn take_devices(
    state: &AppState,
    devices: &[RelayedDevice],
    published: &Published,
) -> ApiResult<Vec<Move>> {
    let mut ahead = Vec::new();
    let mut left: Vec<&RelayedDevice> = devices.iter().collect();
    for _ in 0..ROUNDS {
        let now = state.now();
        let mut late = Vec::new();
        for device in left {
            match state.devices().take_deployments(device, published, now) {
                Takeover::Taken => {}
                Takeover::Ahead(moves) => ahead.extend(moves),
                Takeover::Later => late.push(device),
            }
        }
        if late.is_empty() {
            return Ok(ahead);
        }
        state.flush().await?;
        left = late;
    }
    tracing::debug!(
        devices = left.len(),
        "some devices are busy: what the primary knows of them is taken over with the next snapshot"
    );
    Ok(ahead)
}
