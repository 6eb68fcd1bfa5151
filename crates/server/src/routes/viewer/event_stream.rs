use axum::Extension;
use axum::extract::State;
use axum::response::sse::Sse;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::Deserialize;
use updraft_protocol::api::Role;
use utoipa::IntoParams;

use crate::auth::{Caller, shown_token};
use crate::body::ApiQuery;
use crate::error::{ApiError, ApiResult};
use crate::events::{Begin, EventFilter, Kinds, stream};
use crate::state::AppState;

/// Tells a proxy (nginx) to pass each event on at once.
const UNBUFFERED: (HeaderName, HeaderValue) = (
    HeaderName::from_static("x-accel-buffering"),
    HeaderValue::from_static("no"),
);

/// Which events are wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct StreamQuery {
    /// Only these kinds, with commas between them: `rollout` means all of its kind, `rollout.trip` only that.
    types: Option<String>,
    /// Only those of this rollout.
    rollout: Option<String>,
    /// Only those after this one; the header `Last-Event-ID` wins. Without either, those from now on.
    after: Option<i64>,
}

impl StreamQuery {
    /// Who wants what.
    pub(super) fn filter(
        types: Option<&str>,
        rollout: Option<String>,
        caller: &Caller,
    ) -> ApiResult<EventFilter> {
        Ok(EventFilter {
            kinds: types.map(Kinds::read).transpose()?.unwrap_or_default(),
            rollout_id: rollout,
            role: match caller {
                Caller::User { role, .. } => *role,
                _ => Role::Viewer,
            },
        })
    }
}

/// What happens, as it happens, as server-sent events: `event` is the kind, `data` an `Event` as JSON, `id` its number.
/// `end` says why the server ends the stream, `gap` that events were forgotten. Operators see all kinds, viewers those of
/// rollouts, deployments, releases, device types and devices.
#[utoipa::path(
    get,
    path = "/api/events",
    tag = "viewer",
    params(
        StreamQuery,
        ("last-event-id" = Option<i64>, Header, description = "The number of the last event that was seen"),
    ),
    responses((status = 200, description = "Server-sent events", content_type = "text/event-stream"))
)]
pub(super) async fn stream_events(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    ApiQuery(query): ApiQuery<StreamQuery>,
) -> ApiResult<Response> {
    let filter = StreamQuery::filter(query.types.as_deref(), query.rollout, &caller)?;
    // From the database: what was acknowledged before is not to come again.
    let latest = state.store().last_event().await?;
    let after = last_seen(&headers)?.or(query.after);
    let permit = state.hub().begin().ok_or_else(|| {
        ApiError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "too_many_streams",
            format!(
                "{} streams of events are open already",
                state.limits().max_streams
            ),
        )
        .hint("GET /api/events/list needs no open connection.")
        .retry_after(30)
    })?;
    let shown = shown_token(&headers);
    let tokens = state.clone();
    let begin = Begin {
        filter,
        // A number from another database is none.
        after: after.unwrap_or(latest).clamp(0, latest),
        holds: Box::new(move || shown.is_some_and(|hash| tokens.tokens().find(hash).is_some())),
        permit,
    };
    let mut response = Sse::new(stream(state, begin)).into_response();
    let (name, value) = UNBUFFERED;
    response.headers_mut().insert(name, value);
    Ok(response)
}

fn last_seen(headers: &HeaderMap) -> ApiResult<Option<i64>> {
    let Some(value) = headers.get("last-event-id") else {
        return Ok(None);
    };
    let text = value.to_str().unwrap_or_default().trim();
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| {
        ApiError::bad_request(
            "bad_event_id",
            "Last-Event-ID is not the number of an event",
        )
    })
}
