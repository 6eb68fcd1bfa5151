//! Asking the primary for a snapshot, and looking closely at what comes.

use bytes::Bytes;
use serde::Deserialize;
use updraft_protocol::api::relay::{SNAPSHOT_FORMAT, SnapshotBody, SnapshotHead, SnapshotSeal};
use updraft_store::RelaySettings;

use super::{PublicKey, RelayError, RelaySide, take};
use crate::state::AppState;

/// What comes first, so that a format this relay does not know is told by name.
#[derive(Deserialize)]
struct HeadOnly {
    head: SnapshotHead,
}

#[derive(Deserialize)]
struct BodyOnly {
    body: SnapshotBody,
}

/// Takes over the newest snapshot, unless it is the one with this entity tag. The entity tag of what holds now.
pub(super) async fn learn(
    state: &AppState,
    relay: &RelaySide,
    known: Option<&str>,
) -> Result<Option<String>, RelayError> {
    let asked_at = state.now();
    let Some(fetched) = relay.upstream.snapshot(known).await? else {
        return Ok(known.map(str::to_owned));
    };
    let key = trusted_key(state, relay).await?;
    let payload = opened(key, &fetched.bytes)?;
    let HeadOnly { head } = read(&payload)?;
    check(relay, &head, asked_at)?;
    let BodyOnly { body } = read(&payload)?;
    take::take(state, &head, body, asked_at).await?;
    relay.set_head(head);
    Ok(fetched.etag)
}

/// The key that was given, else the one that the primary named first.
async fn trusted_key(state: &AppState, relay: &RelaySide) -> Result<PublicKey, RelayError> {
    if let Some(given) = relay.given_key {
        return Ok(given);
    }
    let store = state.store();
    let known = store.find_relay_setting(RelaySettings::Key).await?;
    let text = if let Some(known) = known {
        known
    } else {
        let named = relay.upstream.key().await?;
        tracing::warn!(
            key = %named,
            "this relay trusts the key its primary named; give it with --upstream-key to be sure"
        );
        store
            .relay_setting(RelaySettings::Key, named.to_string())
            .await?
    };
    text.parse()
        .map_err(|error: super::UnreadableKey| RelayError::Unreadable(error.to_string()))
}

/// The payload of a snapshot that this key's owner signed.
fn opened(key: PublicKey, bytes: &Bytes) -> Result<Bytes, RelayError> {
    let end = bytes
        .iter()
        .position(|byte| *byte == b'\n')
        .ok_or_else(|| RelayError::Unreadable("it has no seal".to_owned()))?;
    let seal: SnapshotSeal = read(&bytes.slice(..end))?;
    let payload = bytes.slice(end + 1..);
    key.check(&seal, &payload)?;
    Ok(payload)
}

fn check(relay: &RelaySide, head: &SnapshotHead, now: i64) -> Result<(), RelayError> {
    if head.format != SNAPSHOT_FORMAT {
        return Err(RelayError::Format { found: head.format });
    }
    if head.site != relay.site {
        return Err(RelayError::OtherSite {
            wanted: relay.site.clone(),
            found: head.site.clone(),
        });
    }
    if let Some(known) = relay.head()
        && head.revision < known.revision
    {
        return Err(RelayError::Older {
            known: known.revision,
            found: head.revision,
        });
    }
    if head.expires_at <= now {
        return Err(RelayError::Expired {
            at: head.expires_at,
        });
    }
    Ok(())
}

fn read<'a, T: Deserialize<'a>>(bytes: &'a Bytes) -> Result<T, RelayError> {
    serde_json::from_slice(bytes).map_err(|error| RelayError::Unreadable(error.to_string()))
}
