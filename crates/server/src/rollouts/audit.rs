use serde_json::{Value, json};
use updraft_rollout::{Effect, Notice};
use updraft_store::RolloutAudit;

/// Who did what nobody told the server to do.
pub(super) const SERVER: &str = "server";

/// What a rollout did by itself, for the audit record. What a person told it stands there by the person's name.
pub(super) fn of_effects(effects: &[Effect]) -> Vec<RolloutAudit> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Notice(notice) => of_notice(notice),
            _ => None,
        })
        .map(|(action, detail)| RolloutAudit {
            actor: SERVER.to_owned(),
            action: action.to_owned(),
            detail,
        })
        .collect()
}

fn of_notice(notice: &Notice) -> Option<(&'static str, Value)> {
    Some(match notice {
        Notice::StepOpened { step, devices } => (
            "rollout.step_open",
            json!({ "step": step, "devices": devices }),
        ),
        Notice::StepWidened { step, devices } => (
            "rollout.step_widen",
            json!({ "step": step, "devices": devices }),
        ),
        Notice::StepPassed { step } => ("rollout.step_pass", json!({ "step": step })),
        Notice::AwaitsAdvance { step } => ("rollout.await_advance", json!({ "step": step })),
        Notice::AwaitsApproval { step } => ("rollout.await_approval", json!({ "step": step })),
        Notice::Halted(trip) if trip.by.is_none() => ("rollout.trip", json!(trip)),
        Notice::Completed => ("rollout.complete", json!({})),
        _ => return None,
    })
}
