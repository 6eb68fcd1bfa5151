use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use crate::answer;
use crate::relay::RelayHealth;
use crate::state::AppState;

/// That the server lives, and how it is set.
#[derive(Debug, Serialize, ToSchema)]
struct Health {
    /// Always `ok`.
    status: &'static str,
    /// The server's version.
    version: &'static str,
    /// `required`, or `open`: then whoever reaches the server can act as a device.
    device_auth: &'static str,
    /// The MQTT broker: `off`, `connected`, or `away`; then devices poll.
    mqtt: &'static str,
    /// On a relay: how it stands to its primary.
    #[serde(skip_serializing_if = "Option::is_none")]
    relay: Option<RelayHealth>,
}

/// Whether the server lives.
#[utoipa::path(get, path = "/healthz", tag = "open", responses((status = 200, body = Health)))]
pub(super) async fn healthz(State(state): State<AppState>) -> Response {
    answer::ok(&Health {
        status: "ok",
        version: env!("CARGO_PKG_VERSION"),
        device_auth: state.config().device_auth.as_str(),
        mqtt: match state.mqtt() {
            None => "off",
            Some(link) if link.is_connected() => "connected",
            Some(_) => "away",
        },
        relay: state.relay().map(|relay| relay.health(state.now())),
    })
}
