use axum::Extension;
use axum::body::{Body, BodyDataStream};
use axum::extract::State;
use axum::response::Response;
use futures_util::StreamExt as _;
use serde::{Deserialize, Serialize};
use tokio::time::timeout;
use updraft_image::Facts;
use updraft_protocol::{DeviceTypeName, Digest, version};
use updraft_store::Incoming;
use utoipa::{IntoParams, ToSchema};

use super::form::stalled;
use super::upload::{publish, too_slow};
use crate::answer;
use crate::auth::Caller;
use crate::body::{self, ApiQuery};
use crate::error::{ApiError, ApiResult};
use crate::intake::{Declared, Receiver};
use crate::state::AppState;

/// What is said of the file.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct UploadQuery {
    /// Its version, which must be the image's own.
    #[param(required)]
    version: Option<String>,
    /// Its SHA-256, to be compared.
    sha256: Option<String>,
    /// What it is for; the server's default without it.
    device_type: Option<DeviceTypeName>,
}

/// A release just published, in seed 002's words.
#[derive(Debug, Serialize, ToSchema)]
struct UploadedV1<'a> {
    /// Always `ok` here.
    status: &'a str,
    /// The release's version.
    version: &'a str,
    /// SHA-256 of the file.
    sha256: Digest,
    /// Size of the file in bytes.
    size: u32,
    /// Where the file is kept, within the server's data directory.
    path: String,
    /// The release.
    firmware_id: &'a str,
}

/// Publishes an image, as seed 002 has it: the file is the body.
#[utoipa::path(
    post,
    path = "/api/v1/firmware/upload",
    tag = "publisher",
    params(UploadQuery),
    request_body(content_type = "application/octet-stream", description = "The app image"),
    responses((status = 200, body = UploadedV1<'static>))
)]
pub(super) async fn upload_v1(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    ApiQuery(query): ApiQuery<UploadQuery>,
    body: Body,
) -> ApiResult<Response> {
    let mut file = body.into_data_stream();
    let (declared, incoming, facts) = match read_in_time(&state, query, &mut file).await {
        Ok(read) => read,
        Err(error) => {
            body::drain(file);
            return Err(error);
        }
    };
    let release = publish(&state, &caller, declared, incoming, &facts)
        .await?
        .release;
    let sha256 = release.sha256;
    Ok(answer::ok(&UploadedV1 {
        status: "ok",
        version: &release.version,
        sha256,
        size: release.size,
        path: format!("artifacts/{:02x}/{sha256}", sha256.0[0]),
        firmware_id: &release.id,
    }))
}

async fn read_in_time(
    state: &AppState,
    query: UploadQuery,
    body: &mut BodyDataStream,
) -> ApiResult<(Declared, Incoming, Facts)> {
    let declared = declare(state, query)?;
    let _leave = state.begin_upload()?;
    let limit = state.limits().upload_timeout;
    let (incoming, facts) = timeout(limit, read(state, body, &declared))
        .await
        .map_err(|_| too_slow(limit))??;
    Ok((declared, incoming, facts))
}

fn declare(state: &AppState, query: UploadQuery) -> ApiResult<Declared> {
    let bad = |name, error: &dyn std::fmt::Display| {
        ApiError::bad_request("bad_query", format!("the parameter {name}: {error}"))
    };
    let version = query.version.ok_or_else(|| {
        ApiError::bad_request("missing_parameter", "the parameter version is missing")
            .hint("Write ?version=X; it must be the image's own.")
    })?;
    Ok(Declared {
        device_type: Some(
            query
                .device_type
                .unwrap_or_else(|| state.config().default_device_type.clone()),
        ),
        version: Some(version::parse(&version).map_err(|error| bad("version", &error))?),
        sha256: query
            .sha256
            .map(|sha256| sha256.parse::<Digest>())
            .transpose()
            .map_err(|error| bad("sha256", &error))?,
        ..Declared::default()
    })
}

async fn read(
    state: &AppState,
    body: &mut BodyDataStream,
    declared: &Declared,
) -> ApiResult<(Incoming, Facts)> {
    let limits = state.limits();
    let published = state.published();
    let known = published
        .types
        .iter()
        .find(|known| Some(&known.name) == declared.device_type.as_ref());
    let expect = declared.expect(known);
    let mut receiver = Receiver::begin(state.store(), expect, limits.max_upload).await?;
    loop {
        let next = timeout(limits.stall_window, body.next()).await;
        match next.map_err(|_| stalled(limits.stall_window))? {
            None => break,
            Some(Ok(chunk)) => receiver = receiver.push(&chunk, declared).await?,
            Some(Err(error)) => {
                return Err(ApiError::bad_request(
                    "body_unreadable",
                    format!("the body did not arrive whole: {error}"),
                ));
            }
        }
    }
    receiver
        .finish(u64::from(state.config().min_firmware_size))
        .await
}
