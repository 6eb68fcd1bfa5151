//! What is published here goes to the artifact store first.

use bytes::Bytes;
use http::StatusCode;
use updraft_store::depot::Metadata;
use updraft_store::{Incoming, NewRelease};

use super::content::blocking;
use crate::error::{ApiError, ApiResult};
use crate::state::AppState;

/// Puts a verified image into the artifact store, if there is one. Nothing is visible to devices yet. What the
/// database would refuse is refused before.
pub(crate) async fn put(
    state: &AppState,
    incoming: Incoming,
    new: &NewRelease,
) -> ApiResult<Incoming> {
    let Some(side) = state.depot() else {
        return Ok(incoming);
    };
    state.store().check_publish(new).await?;
    let (incoming, content) = blocking(move || {
        let content = incoming.content()?;
        Ok((incoming, Bytes::from(content)))
    })
    .await?;
    side.depot
        .put_release(&new.device_type, &new.version, &content, &Metadata::of(new))
        .await?;
    Ok(incoming)
}

/// There is no artifact store to speak of.
pub(crate) fn no_depot() -> ApiError {
    ApiError::new(
        StatusCode::CONFLICT,
        "no_artifact_store",
        "this server has no artifact store but its own data folder",
    )
    .hint("Start it with --artifacts s3://BUCKET/PREFIX or --artifacts FOLDER.")
}
