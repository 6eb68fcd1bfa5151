//! Release files from the primary: each fetched once, however many ask, and checked before a byte of it is served.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::StreamExt as _;
use sha2::{Digest as _, Sha256};
use tokio::time::sleep;
use updraft_protocol::Digest;
use updraft_protocol::api::Release;

use super::cache::{Lease, Part};
use super::{RelayError, RelaySide};
use crate::error::ApiResult;
use crate::state::AppState;

/// How often a fetch that broke off goes on from where it was before whoever waits is told.
const TRIES: u32 = 4;

/// The pause before the second try; each further one is twice as long.
const PAUSE: Duration = Duration::from_millis(200);

/// Bytes written to the disk at a time.
const PIECE: usize = 256 * 1024;

/// Where a release's file is on this machine, and what keeps it there. One that is not here is fetched first; `damaged`
/// says that the one here was read and found wrong.
pub(crate) async fn artifact(
    relay: &Arc<RelaySide>,
    release: &Release,
    damaged: bool,
) -> ApiResult<(PathBuf, Lease)> {
    let path = relay.cache.artifacts().path(release.sha256);
    let found = relay.cache.find(release.sha256).filter(|_| !damaged);
    relay.cache.count(found.is_some());
    if let Some(lease) = found {
        return Ok((path, lease));
    }
    let (relay, sha256, size) = (relay.clone(), release.sha256, u64::from(release.size));
    // The one who asked may go away; the others wait for the same.
    AppState::complete(async move {
        let lease = fetch(&relay, sha256, size, damaged).await?;
        Ok((path, lease))
    })
    .await
}

/// Fetches a file that nobody asked for yet, where there is room without removing another.
pub(super) async fn fetch_ahead(
    relay: &Arc<RelaySide>,
    release: &Release,
) -> Result<(), RelayError> {
    let size = u64::from(release.size);
    if !relay.cache.has_room(size) {
        return Ok(());
    }
    fetch(relay, release.sha256, size, false).await.map(drop)
}

async fn fetch(
    relay: &RelaySide,
    sha256: Digest,
    size: u64,
    damaged: bool,
) -> Result<Lease, RelayError> {
    let turn = relay.cache.turn(sha256);
    let before = turn.count();
    let mut left = turn.part.lock().await;
    if turn.count() != before {
        // Somebody tried while this one waited: what came of it is everybody's.
        if let Some(error) = turn.last() {
            return Err(error);
        }
        if let Some(lease) = relay.cache.find(sha256) {
            return Ok(lease);
        }
    } else if !damaged && let Some(lease) = relay.cache.find(sha256) {
        return Ok(lease);
    }
    let fetched = fetch_into(relay, sha256, size, &mut left).await;
    turn.tried(fetched.as_ref().err().cloned());
    fetched
}

async fn fetch_into(
    relay: &RelaySide,
    sha256: Digest,
    size: u64,
    left: &mut Option<Part>,
) -> Result<Lease, RelayError> {
    let lease = relay.cache.take_room(sha256, size)?;
    relay.cache.fetches.fetch_add(1, Ordering::Relaxed);
    let mut tries = 1;
    let fetched = loop {
        match pull(relay, sha256, size, left).await {
            Err(RelayError::Unreachable(why)) if tries < TRIES => {
                tracing::info!(%sha256, why, "a fetch broke off and goes on");
                sleep(PAUSE * 2_u32.pow(tries - 1)).await;
                tries += 1;
            }
            done => break done,
        }
    };
    let kept = match (fetched, left.take()) {
        (Ok(()), Some(part)) => keep(relay, sha256, part).await,
        (Ok(()), None) => Err(own("nothing was fetched")),
        (Err(error), part) => {
            // What is there is gone on from when somebody asks again, unless it is wrong.
            *left = part.filter(|_| matches!(error, RelayError::Unreachable(_)));
            Err(error)
        }
    };
    relay.cache.settle(sha256, kept.is_ok());
    if let Err(error) = &kept {
        tracing::error!(%sha256, %error, "a release's file could not be fetched from the primary");
    }
    kept.map(|()| lease)
}

/// Goes on with a file until it has its size.
async fn pull(
    relay: &RelaySide,
    sha256: Digest,
    size: u64,
    left: &mut Option<Part>,
) -> Result<(), RelayError> {
    let mut part = match left.take() {
        Some(part) => part,
        None => begin(relay).await?,
    };
    if part.received == size {
        *left = Some(part);
        return Ok(());
    }
    let (goes_on, mut stream) = match relay.upstream.file(sha256, part.received).await {
        Ok(answer) => answer,
        Err(error) => {
            *left = Some(part);
            return Err(error);
        }
    };
    if part.received > 0 && !goes_on {
        part = begin(relay).await?;
    }
    let mut piece = Vec::with_capacity(PIECE);
    loop {
        let next = stream.next().await;
        let broke = match next {
            Some(Ok(bytes)) => {
                piece.extend_from_slice(&bytes);
                if part.received + piece.len() as u64 > size {
                    return Err(damaged(sha256, format!("it is longer than {size} bytes")));
                }
                if piece.len() < PIECE {
                    continue;
                }
                None
            }
            Some(Err(error)) => Some(Err(error)),
            None => Some(Ok(())),
        };
        part = write(part, std::mem::take(&mut piece)).await?;
        if let Some(ended) = broke {
            let received = part.received;
            *left = Some(part);
            ended?;
            if received < size {
                let why = format!("the answer ended after {received} of {size} bytes");
                return Err(RelayError::Unreachable(why));
            }
            return Ok(());
        }
    }
}

async fn begin(relay: &RelaySide) -> Result<Part, RelayError> {
    let artifacts = relay.cache.artifacts().clone();
    blocking(move || {
        Ok(Part {
            incoming: artifacts.begin()?,
            hasher: Sha256::new(),
            received: 0,
        })
    })
    .await
}

async fn write(mut part: Part, piece: Vec<u8>) -> Result<Part, RelayError> {
    blocking(move || {
        part.incoming.write(&piece)?;
        part.hasher.update(&piece);
        part.received += piece.len() as u64;
        Ok(part)
    })
    .await
}

/// Puts a file into its place, if it is the one that was asked for.
async fn keep(relay: &RelaySide, sha256: Digest, part: Part) -> Result<(), RelayError> {
    let Part {
        incoming, hasher, ..
    } = part;
    let found = Digest(hasher.finalize().into());
    if found != sha256 {
        return Err(damaged(sha256, format!("its SHA-256 is {found}")));
    }
    let artifacts = relay.cache.artifacts().clone();
    blocking(move || Ok(artifacts.keep(incoming, sha256)?)).await
}

fn damaged(sha256: Digest, what: String) -> RelayError {
    RelayError::Damaged {
        sha256: sha256.to_string(),
        what,
    }
}

fn own(message: &str) -> RelayError {
    RelayError::Own {
        disk_full: false,
        message: message.to_owned(),
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, RelayError> + Send + 'static,
) -> Result<T, RelayError> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(own(&error.to_string())))
}
