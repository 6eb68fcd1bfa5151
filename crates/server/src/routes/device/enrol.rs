use std::net::SocketAddr;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use subtle::ConstantTimeEq as _;
use updraft_protocol::check_in::Enrolment;
use updraft_store::{Enrolled, TokenHash};

use crate::answer;
use crate::auth::refuse;
use crate::body::DeviceJson;
use crate::error::{ApiError, ApiResult};
use crate::relay::RelaySide;
use crate::state::AppState;

/// Characters of a token in base64url and in hexadecimal: 256 bits either way.
const TOKEN_LENGTHS: [usize; 2] = [43, 64];

/// A device becomes known by a token that it made itself.
///
/// Asking again with the same token succeeds, so a lost answer costs nothing. A device that has another token
/// is refused.
#[utoipa::path(
    post,
    path = "/api/devices/enrol",
    tag = "device",
    request_body = Enrolment,
    responses(
        (status = 201, description = "The device is known by this token now"),
        (status = 200, description = "It was already"),
    )
)]
pub(super) async fn enrol(
    State(state): State<AppState>,
    Extension(address): Extension<SocketAddr>,
    DeviceJson(enrolment): DeviceJson<Enrolment>,
) -> ApiResult<Response> {
    if let Some(relay) = state.relay().cloned() {
        return enrol_at_primary(&state, &relay, address, enrolment).await;
    }
    let key = TokenHash::of(&enrolment.enrolment_key);
    if !bool::from(key.0.ct_eq(&state.enrolment_key().0)) {
        let refused = ApiError::new(
            StatusCode::UNAUTHORIZED,
            "bad_enrolment_key",
            "the enrolment key is not this server's",
        );
        return Err(refuse(&state, address.ip(), "an enrolment key", refused));
    }
    if !is_token(&enrolment.token) {
        return Err(ApiError::bad_request(
            "bad_device_token",
            "a device token is 43 characters of base64url or 64 hexadecimal digits",
        )
        .hint("Make it of 32 bytes from a true random source."));
    }
    state
        .clone()
        .change(async move { keep(&state, &enrolment).await })
        .await
}

/// On a relay: the primary says whether the device may become known. Without the primary no device enrols, because the
/// relay does not have the key, and need not be trusted with it.
async fn enrol_at_primary(
    state: &AppState,
    relay: &RelaySide,
    address: SocketAddr,
    enrolment: Enrolment,
) -> ApiResult<Response> {
    let body = serde_json::to_vec(&enrolment).map_err(|error| ApiError::internal(&error))?;
    let answered = relay.upstream.enrol(body).await?;
    if answered.status == StatusCode::UNAUTHORIZED {
        let refused = ApiError::new(
            StatusCode::UNAUTHORIZED,
            "bad_enrolment_key",
            "the enrolment key is not this server's",
        );
        return Err(refuse(state, address.ip(), "an enrolment key", refused));
    }
    if !answered.status.is_success() {
        return Ok(answer::json_bytes(answered.status, answered.body));
    }
    let state = state.clone();
    state
        .clone()
        .change(async move { keep(&state, &enrolment).await })
        .await
}

/// Keeps the device's token, on disk and in memory.
async fn keep(state: &AppState, enrolment: &Enrolment) -> ApiResult<Response> {
    let (id, device_type) = (&enrolment.device_id, &enrolment.device_type);
    if !state.devices().has_room(id) {
        return Err(state.too_many_devices());
    }
    let hash = TokenHash::of(&enrolment.token);
    let now = state.now();
    let enrolled = state.store().enrol(id, device_type, hash, now).await?;
    state.devices().set_token(id, device_type, hash, now);
    let status = match enrolled {
        Enrolled::New => {
            tracing::info!(device = %id, %device_type, "a device enrolled");
            StatusCode::CREATED
        }
        Enrolled::Again => StatusCode::OK,
    };
    let mut response = answer::status_ok();
    *response.status_mut() = status;
    Ok(response)
}

fn is_token(token: &str) -> bool {
    let base64url = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let [short, long] = TOKEN_LENGTHS;
    (token.len() == short && token.chars().all(base64url))
        || (token.len() == long && token.chars().all(|c| c.is_ascii_hexdigit()))
}
