use std::collections::HashSet;
use std::time::Duration;

use axum::extract::Multipart;
use axum::extract::multipart::{Field, MultipartError};
use bytes::Bytes;
use http::StatusCode;
use tokio::time::timeout;
use updraft_image::Facts;
use updraft_protocol::version;
use updraft_store::Incoming;

use crate::body;
use crate::error::{ApiError, ApiResult};
use crate::intake::{Declared, Receiver, missing};
use crate::limits::Limits;
use crate::state::AppState;

/// Longest text field but the description, in bytes: names, versions and digests are shorter.
const MAX_WORD: usize = 128;

/// Reads the upload form: its fields in any order, each at most once.
pub(super) async fn read(
    state: &AppState,
    form: &mut Multipart,
) -> ApiResult<(Declared, Incoming, Facts)> {
    let limits = state.limits();
    let mut declared = Declared::default();
    let mut seen = HashSet::new();
    let mut file = None;
    while let Some(mut field) = in_time(limits, form.next_field()).await? {
        let name = field.name().unwrap_or_default().to_owned();
        if !FIELDS.contains(&name.as_str()) {
            return Err(ApiError::bad_request(
                "unknown_field",
                format!(
                    "the form has a field {:?}, which is not known",
                    shown(&name)
                ),
            )
            .hint(format!("The fields are {}.", FIELDS.join(", "))));
        }
        if !seen.insert(name.clone()) {
            return Err(ApiError::bad_request(
                "duplicate_field",
                format!("the form has the field {name} more than once"),
            ));
        }
        if name == "binary" {
            file = Some(receive(state, &mut field, &declared).await?);
            continue;
        }
        let limit = match name.as_str() {
            "description" => limits.max_text,
            _ => MAX_WORD,
        };
        let text = text(limits, &mut field, &name, limit).await?;
        set(&mut declared, &name, &text)?;
    }
    if declared.device_type.is_none() {
        return Err(missing("device_type"));
    }
    let (incoming, facts) = file.ok_or_else(|| missing("binary"))?;
    Ok((declared, incoming, facts))
}

/// Every field of the form. The first four are seed 004's.
const FIELDS: [&str; 10] = [
    "device_type",
    "version",
    "binary",
    "description",
    "status",
    "channel",
    "required",
    "sha256",
    "from_versions",
    "stepping_stone",
];

fn set(declared: &mut Declared, name: &str, text: &str) -> ApiResult<()> {
    let bad =
        |what: String| ApiError::bad_request("bad_field", format!("the field {name}: {what}"));
    match name {
        "device_type" => {
            declared.device_type = Some(text.parse().map_err(|error| bad(format!("{error}")))?);
        }
        "version" => {
            declared.version = Some(version::parse(text).map_err(|error| bad(error.to_string()))?);
        }
        "description" => text.clone_into(&mut declared.description),
        "status" => {
            declared.status = Some(text.parse().map_err(|error| bad(format!("{error}")))?);
        }
        "channel" => declared.channel = Some(body::channel(text)?),
        "required" | "stepping_stone" => {
            let flag = match text {
                "true" | "1" => true,
                "false" | "0" | "" => false,
                _ => return Err(bad("write true or false".to_owned())),
            };
            match name {
                "required" => declared.required = flag,
                _ => declared.stepping_stone = flag,
            }
        }
        "from_versions" => declared.from_versions = body::from_versions(text)?,
        "sha256" => {
            declared.sha256 = Some(text.parse().map_err(|error| bad(format!("{error}")))?);
        }
        _ => {}
    }
    Ok(())
}

fn shown(text: &str) -> &str {
    crate::published::shorten(text, MAX_WORD)
}

async fn text(
    limits: &Limits,
    field: &mut Field<'_>,
    name: &str,
    limit: usize,
) -> ApiResult<String> {
    let mut bytes = Vec::new();
    while let Some(chunk) = in_time(limits, field.chunk()).await? {
        if bytes.len() + chunk.len() > limit {
            return Err(ApiError::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "field_too_long",
                format!("the field {name} is longer than {limit} bytes"),
            ));
        }
        bytes.extend_from_slice(&chunk);
    }
    let text = String::from_utf8(bytes).map_err(|_| {
        ApiError::bad_request("bad_field", format!("the field {name} is not UTF-8"))
    })?;
    Ok(text.trim().to_owned())
}

async fn receive(
    state: &AppState,
    field: &mut Field<'_>,
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
    while let Some(chunk) = in_time(limits, field.chunk()).await? {
        receiver = receiver.push(&chunk, declared).await?;
    }
    receiver.finish(0).await
}

/// Waits for more of the form, but not for ever.
async fn in_time<T>(
    limits: &Limits,
    more: impl Future<Output = Result<T, MultipartError>>,
) -> ApiResult<T> {
    timeout(limits.stall_window, more)
        .await
        .map_err(|_| stalled(limits.stall_window))?
        .map_err(|error| {
            ApiError::bad_request(
                "bad_form",
                format!("the form did not arrive whole: {}", error.body_text()),
            )
        })
}

/// The sender stopped sending.
pub(super) fn stalled(waited: Duration) -> ApiError {
    ApiError::new(
        StatusCode::REQUEST_TIMEOUT,
        "upload_stalled",
        format!("nothing came for {} s", waited.as_secs()),
    )
}

/// Throws away the rest of a form, beside the answer.
pub(super) fn drain(mut form: Multipart) {
    tokio::spawn(timeout(body::DRAIN, async move {
        while let Ok(Some(mut field)) = form.next_field().await {
            while let Ok(Some(Bytes { .. })) = field.chunk().await {}
        }
    }));
}
