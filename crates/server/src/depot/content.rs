//! A release's file on this machine: kept, or fetched.

use std::path::PathBuf;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use updraft_protocol::Digest;
use updraft_protocol::api::Release;
use updraft_protocol::version;

use crate::error::{ApiError, ApiResult};
use crate::state::AppState;

/// Where a release's file is on this machine. With an artifact store, a file that is not here is fetched first, once
/// however many ask; `damaged` says that the one here was read and found wrong.
pub(crate) async fn artifact(
    state: &AppState,
    release: &Release,
    damaged: bool,
) -> ApiResult<PathBuf> {
    let path = state.store().artifacts().path(release.sha256);
    if state.depot().is_none() || (!damaged && path.is_file()) {
        return Ok(path);
    }
    let (state, release) = (state.clone(), release.clone());
    // The one who asked may go away; the others wait for the same.
    AppState::complete(async move {
        fetch(&state, &release, damaged).await?;
        Ok(path)
    })
    .await
}

async fn fetch(state: &AppState, release: &Release, damaged: bool) -> ApiResult<()> {
    let Some(side) = state.depot() else {
        return Ok(());
    };
    let turn = side.turn(release.sha256);
    let _turn = turn.lock().await;
    let artifacts = state.store().artifacts().clone();
    if !damaged && artifacts.path(release.sha256).is_file() {
        return Ok(());
    }
    let version = version::parse(&release.version).map_err(|e| ApiError::internal(&e))?;
    let bytes = side
        .depot
        .fetch(&release.device_type, &version, release.sha256)
        .await?;
    tracing::info!(
        release = release.id, device_type = %release.device_type, version = release.version,
        "fetched from the artifact store"
    );
    let sha256 = release.sha256;
    blocking(move || {
        let mut incoming = artifacts.begin()?;
        incoming.write(&bytes)?;
        artifacts.keep(incoming, sha256)
    })
    .await
}

/// A release's bytes, from here or from the artifact store, checked.
pub(super) async fn bytes(state: &AppState, release: &Release) -> ApiResult<Bytes> {
    for damaged in [false, true] {
        let path = artifact(state, release, damaged).await?;
        if let Ok(bytes) = tokio::fs::read(&path).await
            && Digest(Sha256::digest(&bytes).into()) == release.sha256
        {
            return Ok(bytes.into());
        }
    }
    Err(ApiError::unprocessable(
        "artifact_damaged",
        "the file is damaged or missing on this server",
    ))
}

pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> updraft_store::Result<T> + Send + 'static,
) -> ApiResult<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(ApiError::from),
        Err(error) => Err(ApiError::internal(&error)),
    }
}
