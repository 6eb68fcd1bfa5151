//! What the handlers that tell a rollout something share.

use axum::response::Response;
use http::StatusCode;
use serde_json::json;
use updraft_protocol::api::rollout::TripAction;
use updraft_rollout::{Event, Refusal};

use super::super::viewer::unknown_rollout;
use crate::answer;
use crate::error::{ApiError, ApiResult};
use crate::rollouts::{Command, CommitError};
use crate::state::AppState;

/// Longest note in bytes: a few sentences.
const MAX_NOTE: usize = 1024;

/// Checks why something is done; nothing and blanks are none.
pub(super) fn note(note: Option<String>) -> ApiResult<Option<String>> {
    let note = note
        .map(|note| note.trim().to_owned())
        .filter(|note| !note.is_empty());
    if note.as_ref().is_some_and(|note| note.len() > MAX_NOTE) {
        return Err(ApiError::bad_request(
            "bad_note",
            format!("the note is longer than {MAX_NOTE} bytes"),
        ));
    }
    Ok(note)
}

/// What a person who stops a rollout tells it; without an action of their own it is the plan's.
pub(super) fn stop(
    name: &'static str,
    by: &str,
    note: Option<String>,
    action: Option<TripAction>,
) -> Command {
    Command {
        action: name,
        detail: json!({ "note": note, "action": action }),
        event: Event::Halt {
            by: by.to_owned(),
            reason: note.unwrap_or_else(|| "an operator's word".to_owned()),
            action,
        },
    }
}

/// Tells a rollout something, and answers with it as it is then.
pub(super) async fn command(
    state: &AppState,
    id: String,
    told: Command,
    actor: String,
) -> ApiResult<Response> {
    let state = state.clone();
    AppState::complete(async move {
        let action = told.action;
        state.flush().await?;
        let rollout = state
            .core()
            .command(&id, told, &actor)
            .await
            .map_err(|error| refused(&id, error))?;
        // What the rollout told its devices is on disk, and counted, before this is acknowledged.
        state.flush().await?;
        tracing::info!(rollout = id, by = actor, action, state = %rollout.state, "a rollout was told something");
        let rollout = state.core().show(&id).await;
        rollout
            .map(|rollout| answer::ok(&rollout))
            .ok_or_else(|| unknown_rollout(&id))
    })
    .await
}

fn refused(id: &str, error: CommitError) -> ApiError {
    let refusal = match error {
        CommitError::Unknown => return unknown_rollout(id),
        CommitError::Store(error) => return error.into(),
        CommitError::Refused(refusal) => refusal,
    };
    let hint = match refusal {
        Refusal::NoteWanted => "Say why in `note`.",
        Refusal::GateNotPassed { .. } => "Wait, or send `force`.",
        Refusal::SamePerson { .. } => "Another operator's token approves.",
        _ => "GET /api/rollouts/{id} says where it stands.",
    };
    ApiError::new(StatusCode::CONFLICT, refusal.code(), refusal.to_string()).hint(hint)
}
