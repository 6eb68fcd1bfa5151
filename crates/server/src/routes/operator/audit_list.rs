use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use updraft_store::AuditFilter;
use utoipa::{IntoParams, ToSchema};

use crate::answer;
use crate::body::ApiQuery;
use crate::error::ApiResult;
use crate::state::AppState;

/// Records on a page unless the request says otherwise.
const DEFAULT_LIMIT: u32 = 100;

/// Most records on a page.
const MAX_LIMIT: u32 = 1000;

/// Which records are wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct AuditQuery {
    /// Only those after this one: the `id` of the last record of the page before.
    after: Option<String>,
    /// Only those from this time on, Unix seconds.
    since: Option<i64>,
    /// Only those before this time, Unix seconds.
    until: Option<i64>,
    /// Only those of this action, such as `rollout.trip`, or of all that begin so, such as `rollout`.
    action: Option<String>,
    /// Only those of this actor.
    actor: Option<String>,
    /// Only those on this subject, such as a rollout's id.
    subject: Option<String>,
    /// At most so many (100 without it, 1,000 at most).
    limit: Option<u32>,
}

/// Who did what to what, and when.
#[derive(Debug, Serialize, ToSchema)]
struct AuditEntry {
    /// Its id; later records have greater ones.
    id: String,
    /// When, Unix seconds.
    at: i64,
    /// The token's name, `device ID`, or `server`.
    actor: String,
    /// What was done, such as `release.publish`.
    action: String,
    /// To what, such as a release's id.
    subject: String,
    /// The particulars.
    detail: serde_json::Value,
}

/// Everything that was changed, and by whom, the oldest first, a page at a time: a page that is not full is the last. `was`
/// and `to` in `detail` say what it was before and is after.
#[utoipa::path(
    get,
    path = "/api/audit",
    tag = "operator",
    params(AuditQuery),
    responses((status = 200, body = Vec<AuditEntry>))
)]
pub(super) async fn list_audit(
    State(state): State<AppState>,
    ApiQuery(query): ApiQuery<AuditQuery>,
) -> ApiResult<Response> {
    let limit = query.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT);
    let filter = AuditFilter {
        after: query.after.unwrap_or_default(),
        since: query.since,
        until: query.until,
        action: query.action.unwrap_or_default(),
        actor: query.actor.unwrap_or_default(),
        subject: query.subject.unwrap_or_default(),
    };
    let records = state.store().audit_by(&filter, limit).await?;
    let entries: Vec<AuditEntry> = records
        .into_iter()
        .map(|record| AuditEntry {
            id: record.id,
            at: record.at,
            actor: record.actor,
            action: record.action,
            subject: record.subject,
            detail: serde_json::from_str(&record.detail).unwrap_or_default(),
        })
        .collect();
    Ok(answer::ok(&entries))
}
