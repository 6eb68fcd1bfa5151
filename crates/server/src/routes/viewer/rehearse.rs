use axum::extract::State;
use axum::response::Response;
use updraft_protocol::DeviceTypeName;
use updraft_protocol::api::rollout::{
    RehearsalReport, RehearsalRequest, RolloutPlan, SyntheticFleet,
};

use super::rollout_show::unknown;
use crate::answer;
use crate::body::ApiJson;
use crate::config::POLL_INTERVAL;
use crate::error::{ApiError, ApiResult};
use crate::rollouts::{RehearseError, ToRehearse};
use crate::state::AppState;

/// Rehearses a rollout, or a plan for a version, in virtual time: how long it takes, the load at its peak, and how many
/// devices a bad release reaches before it is halted. Nothing is changed. One rehearsal runs at a time.
#[utoipa::path(
    post,
    path = "/api/rehearsals",
    tag = "viewer",
    request_body = RehearsalRequest,
    responses((status = 200, body = RehearsalReport))
)]
pub(super) async fn rehearse(
    State(state): State<AppState>,
    ApiJson(request): ApiJson<RehearsalRequest>,
) -> ApiResult<Response> {
    let (device_type, release_id, plan) = what(&state, &request).await?;
    if let Some(fleet) = &request.fleet {
        check(fleet, state.limits().max_devices)?;
    }
    let poll_interval = state.config().poll_interval.unwrap_or(POLL_INTERVAL);
    let to_rehearse = ToRehearse {
        device_type,
        release_id,
        plan,
        fleet: request.fleet,
        terms: request.terms,
        poll_s: u32::try_from(poll_interval.as_secs()).unwrap_or(u32::MAX),
    };
    let permit = state.begin_rehearsal()?;
    let core = state.core().clone();
    let rehearsed = tokio::task::spawn_blocking(move || {
        // Also where the client has gone away.
        let _permit = permit;
        core.rehearse(to_rehearse)
    });
    let report: RehearsalReport = rehearsed
        .await
        .map_err(|error| ApiError::internal(&error))?
        .map_err(refused)?;
    Ok(answer::ok(&report))
}

async fn what(
    state: &AppState,
    request: &RehearsalRequest,
) -> ApiResult<(DeviceTypeName, String, RolloutPlan)> {
    match request {
        RehearsalRequest {
            rollout: Some(id),
            device_type: None,
            version: None,
            plan: None,
            ..
        } => {
            let found = state.core().what_to_rehearse(id).await;
            found.ok_or_else(|| unknown(id))
        }
        RehearsalRequest {
            rollout: None,
            device_type: Some(device_type),
            version: Some(version),
            plan,
            ..
        } => {
            let published = state.published();
            let offering = published
                .version(device_type.as_str(), version)
                .ok_or_else(|| {
                    ApiError::not_found(
                        "release_not_found",
                        format!("{device_type} has no release {version}"),
                    )
                    .hint("Publish it first, with status testing: no device gets it by that.")
                })?;
            let plan = plan.clone().unwrap_or_default();
            Ok((device_type.clone(), offering.release.id.clone(), plan))
        }
        _ => Err(ApiError::bad_request(
            "bad_rehearsal",
            "either `rollout`, or `device_type`, `version` and perhaps `plan` say what to rehearse",
        )),
    }
}

fn check(fleet: &SyntheticFleet, max_devices: usize) -> ApiResult<()> {
    if fleet.devices as usize > max_devices || fleet.poll_s == 0 {
        return Err(ApiError::unprocessable(
            "bad_rehearsal",
            format!(
                "a made-up fleet has at most {max_devices} devices, which ask every second at most"
            ),
        )
        .hint("updraft rollout rehearse --devices N rehearses larger ones on your own machine."));
    }
    Ok(())
}

fn refused(error: RehearseError) -> ApiError {
    match error {
        RehearseError::Plan(error) => {
            ApiError::unprocessable(error.code(), format!("the plan: {error}"))
        }
        RehearseError::Study(error) => ApiError::unprocessable(error.code(), error.to_string()),
        RehearseError::NotFound => {
            ApiError::not_found("release_not_found", "the release is there no more")
        }
    }
}
