//! On a primary: snapshots for relays.

use std::time::Duration;

use http::StatusCode;
use sha2::{Digest as _, Sha256};
use updraft_protocol::Digest;
use updraft_protocol::api::relay::{SNAPSHOT_FORMAT, SnapshotBody, SnapshotHead};

use super::{PublicKey, SigningKey};
use crate::error::{ApiError, ApiResult};
use crate::state::AppState;

/// Most devices of one snapshot: some 15 MB. More are for several relays, each with its site.
const MAX_DEVICES: usize = 20_000;

/// A snapshot is issued anew, although nothing changed, when this part of its time is over.
const RENEWED_AFTER: u32 = 8;

/// Issues snapshots.
#[derive(Debug)]
pub(crate) struct Issuer {
    key: SigningKey,
    valid: Duration,
}

/// A snapshot as it goes out.
#[derive(Debug)]
pub(crate) struct Snapshot {
    /// Its entity tag.
    pub(crate) etag: String,
    payload: String,
}

impl Issuer {
    pub(crate) fn new(key: SigningKey, valid: Duration) -> Self {
        Self { key, valid }
    }

    /// What relays know the snapshots by.
    pub(crate) fn public_key(&self) -> PublicKey {
        self.key.public()
    }

    /// The bytes of a snapshot, sealed.
    pub(crate) fn sealed(&self, snapshot: &Snapshot) -> ApiResult<Vec<u8>> {
        let seal = self.key.seal(snapshot.payload.as_bytes());
        let mut bytes = serde_json::to_vec(&seal).map_err(|error| ApiError::internal(&error))?;
        bytes.push(b'\n');
        bytes.extend_from_slice(snapshot.payload.as_bytes());
        Ok(bytes)
    }

    /// The snapshot for a site, or for all devices. What has not changed keeps its revision until it is due for another,
    /// whichever node is asked.
    pub(crate) async fn snapshot(
        &self,
        state: &AppState,
        site: Option<String>,
    ) -> ApiResult<Snapshot> {
        // Rollouts count what their devices did.
        state.flush().await?;
        let body = body(state, site.as_deref()).await?;
        let body = serde_json::to_string(&body).map_err(|error| ApiError::internal(&error))?;
        let now = state.now();
        let valid = i64::try_from(self.valid.as_secs()).unwrap_or(i64::MAX);
        let renewed = i64::try_from((self.valid / RENEWED_AFTER).as_secs()).unwrap_or(i64::MAX);
        // A relay is to hear of another signature or another time to expire, too.
        let key = self.public_key();
        let says = format!("{SNAPSHOT_FORMAT} {valid} {key} {body}");
        let digest = Digest(Sha256::digest(says.as_bytes()).into());
        let store = state.store();
        let issued = store.issue_snapshot(site.as_deref(), digest, now, renewed.max(1));
        let issued = issued.await?;
        let head = SnapshotHead {
            format: SNAPSHOT_FORMAT,
            revision: issued.revision,
            issued_at: issued.at,
            expires_at: issued.at.saturating_add(valid),
            site,
        };
        let head = serde_json::to_string(&head).map_err(|error| ApiError::internal(&error))?;
        Ok(Snapshot {
            etag: format!("\"{}-{digest}\"", issued.revision),
            payload: format!("{{\"head\":{head},\"body\":{body}}}"),
        })
    }
}

async fn body(state: &AppState, site: Option<&str>) -> ApiResult<SnapshotBody> {
    let devices = state.devices().for_relay(site, MAX_DEVICES);
    if devices.len() > MAX_DEVICES {
        return Err(ApiError::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "too_many_devices_for_a_relay",
            format!("more than {MAX_DEVICES} devices are for this relay"),
        )
        .hint("Give each site a relay of its own: updraft relay --site NAME."));
    }
    let rollouts = state.core().relayed_rollouts(&devices).await;
    let published = state.published();
    let mut releases: Vec<_> = published
        .types
        .iter()
        .flat_map(|known| published.of_type(known.name.as_str()))
        .map(|offering| offering.release())
        .collect();
    releases.sort_unstable_by(|a, b| a.id.cmp(&b.id));
    Ok(SnapshotBody {
        types: published.types.clone(),
        channels: published.channels.clone(),
        releases,
        rollouts,
        devices,
    })
}
