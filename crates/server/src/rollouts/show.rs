use updraft_protocol::api::rollout::Rollout;

use super::Live;

/// A rollout as the API shows it.
pub(super) fn show(live: &Live, now: i64) -> Rollout {
    let record = &live.record;
    let machine = &live.machine;
    Rollout {
        id: record.id.clone(),
        device_type: record.device_type.clone(),
        release_id: record.release_id.clone(),
        version: record.version.clone(),
        name: record.name.clone(),
        state: record.state,
        plan: record.plan.clone(),
        steps: machine.step_reports(),
        counts: machine.counts(),
        waiting: machine.waiting(now),
        trip: machine.progress().trip.clone(),
        created_at: record.created_at,
        created_by: record.created_by.clone(),
        started_at: record.started_at,
        ended_at: record.ended_at,
        revision: record.revision,
    }
}
