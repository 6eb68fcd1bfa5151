use updraft_protocol::api::rollout::{Counts, FailureKind, RolloutState, Trip, TripRule};

use super::RolloutMachine;
use super::effect::{Effect, Notice, of_action};

/// What a rule saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    failures: u32,
    evaluated: u32,
}

/// Whether a rule fires on these counts.
fn fires(rule: &TripRule, counts: &Counts) -> Option<Seen> {
    let kinds = if rule.kinds.is_empty() {
        FailureKind::ALL
    } else {
        &rule.kinds
    };
    // A kind that is named twice counts once.
    let failures = FailureKind::ALL
        .iter()
        .filter(|kind| kinds.contains(kind))
        .map(|kind| counts.failures_of(*kind))
        .sum();
    let evaluated = counts.evaluated();
    let by_count = rule.count.is_some_and(|count| failures >= count);
    let by_share = rule.share_bp.is_some_and(|share_bp| {
        failures > 0
            && evaluated >= rule.min_evaluated
            && u64::from(failures) * 10_000 >= u64::from(share_bp) * u64::from(evaluated)
    });
    (by_count || by_share).then_some(Seen {
        failures,
        evaluated,
    })
}

impl RolloutMachine {
    /// Trips if any rule fires: on the open step's counts or on all of them, each since the last resume.
    pub(super) fn judge(&mut self, now: i64, effects: &mut Vec<Effect>) {
        let progress = &self.progress;
        if !matches!(
            progress.state,
            RolloutState::Running | RolloutState::Paused | RolloutState::Completed
        ) {
            return;
        }
        let overall = progress.overall.since(&progress.baseline);
        if overall.failures() == 0 {
            return;
        }
        let of_step = self.step_counts().unwrap_or(overall);
        let wire = self.plan.wire();
        let fired = wire.trips.iter().enumerate().find_map(|(index, rule)| {
            let here = fires(rule, &of_step).map(|seen| (seen, "of the open stage"));
            let seen = here.or_else(|| fires(rule, &overall).map(|seen| (seen, "of the rollout")));
            seen.map(|(seen, of_what)| (index, rule, seen, of_what))
        });
        let Some((index, rule, seen, of_what)) = fired else {
            return;
        };
        let trip = Trip {
            rule: Some(index as u32),
            by: None,
            reason: words(rule, seen, of_what),
            action: rule.action.unwrap_or(wire.action),
            at: now,
            failures: seen.failures,
            evaluated: seen.evaluated,
        };
        self.trip(trip, effects);
    }

    pub(super) fn trip(&mut self, trip: Trip, effects: &mut Vec<Effect>) {
        self.progress.state = RolloutState::Halted;
        self.progress.ended_at = None;
        self.progress.trip = Some(trip.clone());
        self.progress.taken_back_by = None;
        of_action(trip.action, false, effects);
        effects.push(Effect::Notice(Notice::Halted(trip)));
    }

    /// The open step's counts since it opened or the rollout was resumed.
    pub(super) fn step_counts(&self) -> Option<Counts> {
        let step = self.progress.steps.get(self.progress.open? as usize)?;
        Some(step.counts.since(&self.progress.step_baseline))
    }
}

fn words(rule: &TripRule, seen: Seen, of_what: &str) -> String {
    let kinds = if rule.kinds.is_empty() {
        "failures of any kind".to_owned()
    } else {
        let kinds: Vec<String> = rule.kinds.iter().map(ToString::to_string).collect();
        kinds.join(" or ")
    };
    let mut limits = Vec::new();
    if let Some(bp) = rule.share_bp {
        limits.push(format!(
            "{}.{:02} % of at least {}",
            bp / 100,
            bp % 100,
            rule.min_evaluated
        ));
    }
    if let Some(count) = rule.count {
        limits.push(format!("{count}"));
    }
    format!(
        "{} {kinds} among {} evaluated devices {of_what}; the rule stops at {}",
        seen.failures,
        seen.evaluated,
        limits.join(", or at ")
    )
}
