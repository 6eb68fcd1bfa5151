use axum::extract::State;
use axum::response::Response;
use updraft_protocol::api::Channel;

use super::release_list::TypeFilter;
use crate::answer;
use crate::body::ApiQuery;
use crate::state::AppState;

/// Every channel: where it points, and where it pointed before.
#[utoipa::path(
    get,
    path = "/api/channels",
    tag = "viewer",
    params(TypeFilter),
    responses((status = 200, body = Vec<Channel>))
)]
pub(super) async fn list_channels(
    State(state): State<AppState>,
    ApiQuery(filter): ApiQuery<TypeFilter>,
) -> Response {
    let published = state.published();
    let channels: Vec<&Channel> = published
        .channels
        .iter()
        .filter(|channel| {
            let only = filter.device_type.as_ref();
            only.is_none_or(|only| *only == channel.device_type)
        })
        .collect();
    answer::ok(&channels)
}
