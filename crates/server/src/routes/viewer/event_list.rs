use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::event_stream::StreamQuery;
use crate::answer;
use crate::auth::Caller;
use crate::body::ApiQuery;
use crate::error::ApiResult;
use crate::events::Event;
use crate::state::AppState;

/// Events looked at for a page unless the request says otherwise.
const DEFAULT_LIMIT: u32 = 100;

/// Most events looked at for a page.
const MAX_LIMIT: u32 = 1000;

/// Which events are wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct EventQuery {
    /// Only these kinds, with commas between them: `rollout` means all of its kind, `rollout.trip` only that.
    types: Option<String>,
    /// Only those of this rollout.
    rollout: Option<String>,
    /// Only those after this one: the `next` of the page before. Without it, the last there are.
    after: Option<i64>,
    /// So many events are looked at (100 without it, 1,000 at most).
    limit: Option<u32>,
}

/// Events, the oldest first.
#[derive(Debug, Serialize, ToSchema)]
struct EventList {
    /// Those that are wanted of the ones that were looked at.
    events: Vec<Event>,
    /// The `after` of the next page.
    next: i64,
    /// Whether there are more already.
    more: bool,
    /// The oldest event that is kept.
    oldest: i64,
}

/// What happened, the oldest first, a page at a time. Events are kept for 30 days.
#[utoipa::path(
    get,
    path = "/api/events/list",
    tag = "viewer",
    params(EventQuery),
    responses((status = 200, body = EventList))
)]
pub(super) async fn list_events(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    ApiQuery(query): ApiQuery<EventQuery>,
) -> ApiResult<Response> {
    let filter = StreamQuery::filter(query.types.as_deref(), query.rollout, &caller)?;
    let limit = query.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT);
    let after = match query.after {
        Some(after) => after.max(0),
        None => (state.store().last_event().await? - i64::from(limit)).max(0),
    };
    let page = state.store().event_page(after, limit).await?;
    let next = page.events.last().map_or(after, |event| event.number);
    let events = page.events.into_iter().map(Event::from);
    let list = EventList {
        events: events.filter(|event| filter.takes(event)).collect(),
        next,
        more: next < page.last,
        oldest: page.oldest,
    };
    Ok(answer::ok(&list))
}
