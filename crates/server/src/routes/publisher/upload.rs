use axum::Extension;
use axum::extract::multipart::MultipartRejection;
use axum::extract::{Multipart, State};
use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use tokio::time::timeout;
use updraft_image::Facts;
use updraft_protocol::api::Release;
use updraft_store::{Incoming, Published};
use utoipa::ToSchema;

use super::form;
use crate::answer;
use crate::auth::Caller;
use crate::depot;
use crate::error::{ApiError, ApiResult};
use crate::intake::Declared;
use crate::metrics::Plain;
use crate::state::AppState;

/// The fields of an upload, in any order.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "describes the form; the fields are read one by one"
)]
struct UploadForm {
    /// What the image is for. A type that does not exist comes into being.
    device_type: String,
    /// The app image.
    #[schema(format = Binary, content_media_type = "application/octet-stream")]
    binary: String,
    /// Its version, which must be the image's own.
    version: Option<String>,
    /// What the release is about.
    description: Option<String>,
    /// `stable` (the default) or `testing`.
    status: Option<String>,
    /// A channel to point at the release.
    channel: Option<String>,
    /// Whether devices install it at once.
    required: Option<bool>,
    /// Which versions it can be installed over, a semver requirement such as `>=1.2, <2`.
    from_versions: Option<String>,
    /// Whether devices below it must pass through it before they get anything newer.
    stepping_stone: Option<bool>,
    /// The file's SHA-256, to be compared.
    sha256: Option<String>,
}

/// A release just published.
#[derive(Debug, Serialize, ToSchema)]
struct Uploaded {
    /// The release's id, by seed 004's name for it.
    firmware_id: String,
    #[serde(flatten)]
    release: Release,
}

/// Publishes an image.
///
/// The image is verified as it arrives, and a fault is answered at once. The same bytes again are success
/// (200); other bytes under the same version are refused (409), because releases never change.
#[utoipa::path(
    post,
    path = "/api/firmwares/upload",
    tag = "publisher",
    request_body(content = UploadForm, content_type = "multipart/form-data"),
    responses((status = 201, body = Uploaded), (status = 200, body = Uploaded))
)]
pub(super) async fn upload(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    form: Result<Multipart, MultipartRejection>,
) -> ApiResult<Response> {
    let mut form = form.map_err(|error| {
        ApiError::bad_request("bad_form", error.body_text())
            .hint("Send multipart/form-data with the fields device_type and binary.")
    })?;
    let read = read_in_time(&state, &mut form).await;
    let (declared, incoming, facts) = match read {
        Ok(read) => read,
        Err(error) => {
            form::drain(form);
            return Err(error);
        }
    };
    let Published { release, created } =
        publish(&state, &caller, declared, incoming, &facts).await?;
    let status = if created {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok(answer::json(
        status,
        &Uploaded {
            firmware_id: release.id.clone(),
            release,
        },
    ))
}

async fn read_in_time(
    state: &AppState,
    form: &mut Multipart,
) -> ApiResult<(Declared, Incoming, Facts)> {
    let _leave = state.begin_upload()?;
    let limit = state.limits().upload_timeout;
    timeout(limit, form::read(state, form))
        .await
        .map_err(|_| too_slow(limit))?
}

/// The upload took too long.
pub(super) fn too_slow(limit: std::time::Duration) -> ApiError {
    ApiError::new(
        StatusCode::REQUEST_TIMEOUT,
        "upload_timeout",
        format!("the upload took longer than {} s", limit.as_secs()),
    )
}

/// Checks a whole image against what was declared and publishes it.
pub(super) async fn publish(
    state: &AppState,
    caller: &Caller,
    declared: Declared,
    incoming: Incoming,
    facts: &Facts,
) -> ApiResult<Published> {
    let published = state.published();
    let known = published
        .types
        .iter()
        .find(|known| Some(&known.name) == declared.device_type.as_ref());
    let new = declared.check(facts, known)?;
    let actor = caller.actor();
    let published = {
        let state = state.clone();
        AppState::complete(async move {
            let incoming = depot::put(&state, incoming, &new).await?;
            let published = state.store().publish(incoming, new, &actor).await?;
            state.refresh().await?;
            Ok(published)
        })
        .await?
    };
    let release = &published.release;
    if published.created {
        state.metrics().add(Plain::Uploads, 1);
        tracing::info!(
            release = release.id, device_type = %release.device_type, version = release.version,
            status = %release.status, by = caller.actor(), "published"
        );
    }
    Ok(published)
}
