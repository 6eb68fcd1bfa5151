use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
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

/// Everything that was changed, and by whom, the oldest first.
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
    let records = state.store().audit(query.after.as_deref(), limit).await?;
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
