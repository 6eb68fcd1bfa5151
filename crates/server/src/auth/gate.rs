use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use http::header::AUTHORIZATION;
use http::{HeaderMap, StatusCode};
use updraft_protocol::api::Role;
use updraft_store::TokenHash;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, ResponseBuilder};
use utoipa_axum::router::UtoipaMethodRouter;

use super::Caller;
use crate::body::drain;
use crate::config::DeviceAuth;
use crate::error::{ApiError, ApiResult};
use crate::metrics::Group;
use crate::state::AppState;

/// Who may use a route. Every route says so where it is registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Everybody.
    Open,
    /// Everybody; the handler asks for the fleet's key, and counts wrong ones.
    Enrolment,
    /// Everybody or a viewer, as configured.
    Metrics,
    /// A device with its token, an operator, or (with device auth open) everybody.
    Device,
    /// A token of at least this role.
    Role(Role),
}

impl Access {
    fn word(self) -> &'static str {
        match self {
            Self::Open => "none",
            Self::Enrolment => "enrolment key",
            Self::Metrics => "viewer, unless metrics are open",
            Self::Device => "device or operator",
            Self::Role(role) => role.as_str(),
        }
    }

    fn group(self) -> Group {
        match self {
            Self::Open | Self::Metrics => Group::Open,
            Self::Enrolment | Self::Device => Group::Device,
            Self::Role(Role::Relay) => Group::Relay,
            Self::Role(Role::Viewer) => Group::Viewer,
            Self::Role(Role::Publisher) => Group::Publisher,
            Self::Role(Role::Operator) => Group::Operator,
            Self::Role(Role::Admin) => Group::Admin,
        }
    }
}

/// Puts a gate before a route, and writes into its description who may use it.
pub(crate) fn guard(
    state: &AppState,
    access: Access,
    (schemas, mut paths, router): UtoipaMethodRouter<AppState>,
) -> UtoipaMethodRouter<AppState> {
    for item in paths.paths.values_mut() {
        for operation in [
            &mut item.get,
            &mut item.post,
            &mut item.patch,
            &mut item.delete,
        ]
        .into_iter()
        .flatten()
        {
            describe(operation, access);
        }
    }
    let gate = Gate {
        state: state.clone(),
        access,
    };
    (schemas, paths, router.layer(from_fn_with_state(gate, pass)))
}

fn describe(operation: &mut Operation, access: Access) {
    if !matches!(access, Access::Open | Access::Enrolment) {
        let none: [String; 0] = [];
        operation.security = Some(vec![SecurityRequirement::new("token", none)]);
    }
    let role = serde_json::Value::String(access.word().to_owned());
    operation
        .extensions
        .get_or_insert_default()
        .insert("x-role".to_owned(), role);
    let error = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name("ErrorBody")))
        .build();
    // The format wants a description of every response, also where its schema says it all.
    for response in operation.responses.responses.values_mut() {
        if let RefOr::T(response) = response
            && response.description.is_empty()
        {
            response.description.push_str("Success");
        }
    }
    let response = ResponseBuilder::new()
        .description("An error: a stable code, a sentence, and what to do")
        .content("application/json", error)
        .build();
    operation
        .responses
        .responses
        .insert("default".to_owned(), response.into());
}

#[derive(Debug, Clone)]
struct Gate {
    state: AppState,
    access: Access,
}

/// Lets a request pass or refuses it; counts it either way.
async fn pass(State(gate): State<Gate>, mut request: Request, next: Next) -> Response {
    let address = address(&request);
    let response = match check(&gate, address, request.headers()) {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(refused) => {
            drain(request.into_body().into_data_stream());
            refused.into_response()
        }
    };
    gate.state
        .metrics()
        .request(gate.access.group(), response.status());
    response
}

/// The address of the other end.
pub(crate) fn address(request: &Request) -> IpAddr {
    request
        .extensions()
        .get::<SocketAddr>()
        .map_or(Ipv4Addr::UNSPECIFIED.into(), SocketAddr::ip)
}

fn check(gate: &Gate, address: IpAddr, headers: &HeaderMap) -> ApiResult<Caller> {
    let state = &gate.state;
    let needed = match gate.access {
        Access::Open | Access::Enrolment => return Ok(Caller::Nobody),
        Access::Metrics if state.metrics_open() => return Ok(Caller::Nobody),
        Access::Metrics => Role::Viewer,
        Access::Role(role) => role,
        Access::Device => Role::Operator,
    };
    let Some(token) = bearer(headers)? else {
        if gate.access == Access::Device && state.config().device_auth == DeviceAuth::Open {
            return Ok(Caller::Nobody);
        }
        return Err(token_required());
    };
    let hash = TokenHash::of(token);
    if let Some(id) = state.devices().by_token(hash) {
        return match gate.access {
            Access::Device => Ok(Caller::Device(id)),
            _ => Err(forbidden(needed)),
        };
    }
    match state.tokens().find(hash) {
        Some(Caller::User { name, role }) if permits(role, needed) => {
            Ok(Caller::User { name, role })
        }
        Some(_) => Err(forbidden(needed)),
        None => {
            let unknown = ApiError::new(
                StatusCode::UNAUTHORIZED,
                "unknown_token",
                "the token is not known here",
            )
            .hint("Check that it is whole, and that it was not revoked or replaced.");
            Err(refuse(state, address, "a token", unknown))
        }
    }
}

/// Whether this role is enough. What relays do, only they and admins do: it speaks for whole fleets.
fn permits(role: Role, needed: Role) -> bool {
    match needed {
        Role::Relay => matches!(role, Role::Relay | Role::Admin),
        needed => role >= needed,
    }
}

/// Counts a wrong token or key, and answers `refusal`, or 429 when too many came from this address.
///
/// A right one always passes: behind one address there may be a whole fleet, and whoever guesses there must not
/// lock it out. What is guessed at has at least [`Config::MIN_SECRET`](crate::Config::MIN_SECRET) characters.
pub(crate) fn refuse(
    state: &AppState,
    address: IpAddr,
    what: &'static str,
    refusal: ApiError,
) -> ApiError {
    state.metrics().auth_failure();
    if let Some(seconds) = state.throttle().wait(address) {
        return too_many(seconds);
    }
    state.throttle().failed(address);
    tracing::info!(%address, "{what} was refused");
    refusal
}

/// The hash of the token that a request shows, if it shows one.
pub(crate) fn shown_token(headers: &HeaderMap) -> Option<TokenHash> {
    bearer(headers).ok().flatten().map(TokenHash::of)
}

fn bearer(headers: &HeaderMap) -> ApiResult<Option<&str>> {
    let Some(value) = headers.get(AUTHORIZATION) else {
        return Ok(None);
    };
    value
        .to_str()
        .ok()
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, token)| scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty())
        .map(|(_, token)| Some(token.trim()))
        .ok_or_else(|| {
            ApiError::new(
                StatusCode::UNAUTHORIZED,
                "bad_authorization",
                "the Authorization header is not of the form: Bearer TOKEN",
            )
        })
}

pub(crate) fn token_required() -> ApiError {
    ApiError::new(
        StatusCode::UNAUTHORIZED,
        "token_required",
        "this needs a token",
    )
    .hint("Send the header: Authorization: Bearer TOKEN.")
}

fn forbidden(needed: Role) -> ApiError {
    ApiError::new(
        StatusCode::FORBIDDEN,
        "role_too_low",
        format!("this needs a token with the role {needed}"),
    )
    .hint("An admin can issue one.")
}

fn too_many(seconds: u32) -> ApiError {
    ApiError::new(
        StatusCode::TOO_MANY_REQUESTS,
        "too_many_failures",
        "too many failed attempts came from this address",
    )
    .hint("Wait as long as Retry-After says.")
    .retry_after(seconds)
}
