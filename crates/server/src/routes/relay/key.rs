use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use crate::answer;
use crate::state::AppState;

/// What snapshots are signed by.
#[derive(Debug, Serialize, ToSchema)]
struct Key {
    /// The Ed25519 public key, 64 hexadecimal digits.
    key: String,
}

/// The public key that snapshots are signed by.
#[utoipa::path(get, path = "/api/relay/key", tag = "relay", responses((status = 200, body = Key)))]
pub(super) async fn show_key(State(state): State<AppState>) -> Response {
    answer::ok(&Key {
        key: state.issuer().public_key().to_string(),
    })
}
