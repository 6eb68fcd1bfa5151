use std::io;

use axum::body::Body;
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use http::StatusCode;
use updraft_protocol::{DeviceId, ReasonCode};

use super::file_stream::CHUNK;
use crate::auth::Caller;
use crate::error::{ApiError, ApiResult};
use crate::identity::identify;
use crate::state::AppState;

/// Who downloads, as far as that is known.
#[derive(Debug, Clone)]
pub(crate) enum Downloader {
    /// A device that said who it is.
    Device(DeviceId),
    /// One that did not.
    Nameless,
    /// A person or a program with a token of its own.
    Person,
}

impl Downloader {
    /// Who a request is by: a caller, and the name it may have given.
    pub(crate) fn of(
        state: &AppState,
        caller: &Caller,
        named: Option<DeviceId>,
    ) -> ApiResult<Self> {
        Ok(match identify(state, caller, named)? {
            Some(id) => Self::Device(id),
            None if matches!(caller, Caller::Nobody) => Self::Nameless,
            None => Self::Person,
        })
    }

    /// Whether it is to have no more of a release: its rollout called that off. Where a device does not say who it is, that
    /// is everybody while the release's latest rollout is revoked.
    fn is_to_stop(&self, state: &AppState, release_id: &str) -> bool {
        match self {
            Self::Device(id) => state.devices().is_called_off(&state.peek(), id, release_id),
            Self::Nameless => state.peek().is_revoked(release_id),
            Self::Person => false,
        }
    }

    /// Refuses a download that was called off.
    pub(crate) fn refuse_called_off(&self, state: &AppState, release_id: &str) -> ApiResult<()> {
        if !self.is_to_stop(state, release_id) {
            return Ok(());
        }
        Err(ApiError::new(
            StatusCode::GONE,
            ReasonCode::Cancelled.as_str(),
            "an operator called this update off",
        )
        .hint("Do not install it; ask for the latest release again."))
    }

    /// A body that breaks off when the update is called off, or the release blocked, while it is on its way: the client
    /// that asks for the rest is told why.
    pub(super) fn body(
        self,
        state: &AppState,
        release_id: &str,
        pieces: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
    ) -> Body {
        let (state, release_id) = (state.clone(), release_id.to_owned());
        Body::from_stream(pieces.map(move |piece| {
            let is_blocked = state
                .peek()
                .offering(&release_id)
                .is_some_and(|offering| offering.release.blocked.is_some());
            if is_blocked || self.is_to_stop(&state, &release_id) {
                return Err(io::Error::other("the update was called off"));
            }
            piece
        }))
    }
}

/// Bytes in pieces small enough to stop between.
pub(super) fn pieces(bytes: Bytes) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    stream::unfold(bytes, async |mut left| {
        let piece = left.split_to(CHUNK.min(left.len()));
        (!piece.is_empty()).then_some((Ok(piece), left))
    })
}
