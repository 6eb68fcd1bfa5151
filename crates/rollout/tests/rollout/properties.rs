//! Random histories of small fleets under two rollouts, against a slow, obviously right model.

use proptest::prelude::*;
use updraft_protocol::api::DeploymentState;
use updraft_protocol::api::rollout::{
    Advance, Counts, FailureKind, Of, RolloutPlan, RolloutState, Size, TripRule,
};
use updraft_protocol::version;
use updraft_rollout::deployment::News;
use updraft_rollout::{Moment, Position, decide};

use crate::fleet::{Device, Fleet, HOUR, START};
use crate::histories::{Action, actions, command, plan};

/// What the model remembers of one rollout.
#[derive(Debug, Clone, Default)]
struct Memory {
    admitted: Vec<usize>,
    open: Option<u32>,
    bound: Option<Position>,
    /// The rows' counts when a halted rollout was last resumed, by step, without those that went since: a failure that goes
    /// is one of the old ones.
    baseline: Vec<Counts>,
    /// The same over all steps.
    overall: Counts,
    rows: Vec<Counts>,
    was_halted: bool,
}

impl Memory {
    /// Takes what went since the last time from what was there before.
    fn forget(&mut self, rows: &[Counts]) {
        let (before, after) = (sum(&self.rows), sum(rows));
        lower(&mut self.overall, &before, &after);
        for (step, known) in self.baseline.iter_mut().enumerate() {
            lower(known, &self.rows[step], &rows[step]);
        }
    }
}

fn lower(known: &mut Counts, before: &Counts, after: &Counts) {
    for state in DeploymentState::ALL {
        let known = known.get_mut(*state);
        *known = if state.is_failure() {
            known.saturating_sub(before.get(*state).saturating_sub(after.get(*state)))
        } else {
            (*known).min(after.get(*state))
        };
    }
}

/// Rows of a rollout by step, counted one by one.
fn rows(fleet: &Fleet, rollout: usize) -> Vec<Counts> {
    let one = &fleet.rollouts[rollout];
    let mut counts = vec![Counts::default(); one.machine.plan().steps().len()];
    for device in &fleet.devices {
        for row in device
            .deployments
            .iter()
            .filter(|row| row.rollout_id.as_ref() == Some(&one.id))
        {
            *counts[row.step.unwrap() as usize].get_mut(row.state) += 1;
        }
    }
    counts
}

fn sum<'a>(counts: impl IntoIterator<Item = &'a Counts>) -> Counts {
    let mut sum = Counts::default();
    for one in counts {
        for state in DeploymentState::ALL {
            *sum.get_mut(*state) += one.get(*state);
        }
    }
    sum
}

/// Whether a rule fires, in fractions.
fn fires(rule: &TripRule, counts: &Counts) -> bool {
    let wanted = |kind: &FailureKind| rule.kinds.is_empty() || rule.kinds.contains(kind);
    let failures: u32 = FailureKind::ALL
        .iter()
        .filter(|kind| wanted(kind))
        .map(|kind| counts.get(kind.state()))
        .sum();
    let evaluated = counts.confirmed
        + counts.failed
        + counts.rolled_back
        + counts.rejected
        + counts.timed_out
        + counts.lost;
    let by_share = rule.share_bp.is_some_and(|bp| {
        failures > 0
            && evaluated >= rule.min_evaluated
            && f64::from(failures) / f64::from(evaluated) + 1e-9 >= f64::from(bp) / 10_000.0
    });
    by_share || rule.count.is_some_and(|count| failures >= count)
}

/// The positions of a wave's reachable devices, by the words of the design.
fn members(fleet: &Fleet, rollout: usize, wave: u32) -> Vec<Position> {
    let one = &fleet.rollouts[rollout];
    let plan = one.machine.plan().wire();
    let mut positions = Vec::new();
    for device in &fleet.devices {
        let listed =
            plan.target.include.contains(&device.id) || plan.target.exclude.contains(&device.id);
        let in_a = device.attributes.site.as_deref() == Some("a");
        let own = u32::from(!plan.waves.is_empty() && !in_a);
        let row = device.place(&one.id);
        let has_row = row.is_some_and(|state| {
            !matches!(
                state,
                DeploymentState::Cancelled | DeploymentState::Superseded
            )
        });
        let older =
            version::parse(&device.version).unwrap() < version::parse(&one.version).unwrap();
        let is_reachable = device
            .seen
            .last
            .is_some_and(|last| fleet.now - last <= 24 * HOUR);
        if !listed && own == wave && (has_row || (older && is_reachable)) {
            positions.push(Position::of(&format!("id-{}", one.version), &device.id));
        }
    }
    positions.sort_by_key(|position| (position.bucket, position.hash));
    positions
}

fn check(fleet: &Fleet, memory: &mut [Memory; 2]) -> Result<(), TestCaseError> {
    for (rollout, memory) in memory.iter_mut().enumerate() {
        let machine = &fleet.rollouts[rollout].machine;
        let progress = machine.progress();
        let rows = rows(fleet, rollout);
        // The counts are the rows.
        for (step, counts) in rows.iter().enumerate() {
            prop_assert_eq!(&progress.steps[step].counts, counts);
        }
        prop_assert_eq!(machine.counts(), sum(&rows));
        // It trips exactly when the model does.
        // Resumed, it may complete in the same step.
        let goes_on = matches!(
            progress.state,
            RolloutState::Running | RolloutState::Completed
        );
        if memory.was_halted && goes_on {
            memory.baseline.clone_from(&rows);
            memory.overall = sum(&rows);
        } else {
            memory.forget(&rows);
        }
        memory.rows.clone_from(&rows);
        memory.was_halted = progress.state == RolloutState::Halted;
        memory.baseline.resize_with(rows.len(), Counts::default);
        let overall = sum(&rows).since(&memory.overall);
        let open = progress.open.map(|open| open as usize);
        let of_step = open.map(|open| rows[open].since(&memory.baseline[open]));
        let fired = |rule: &TripRule| {
            fires(rule, &overall) || of_step.is_some_and(|counts| fires(rule, &counts))
        };
        let trips = &machine.plan().wire().trips;
        match progress.state {
            RolloutState::Running | RolloutState::Paused | RolloutState::Completed => {
                prop_assert!(!trips.iter().any(fired), "it should have tripped");
            }
            RolloutState::Draft | RolloutState::Halted | RolloutState::Cancelled => {}
        }
        // Sticky: whoever was reached and still wants it stays reached.
        let admitted = fleet.admitted(rollout);
        if progress.state != RolloutState::Draft {
            let snapshot = fleet.snapshot();
            for device in memory
                .admitted
                .iter()
                .filter(|device| !admitted.contains(device))
            {
                let offer = decide(
                    &snapshot,
                    &fleet.devices[*device].view(),
                    &Moment::at(fleet.now),
                )
                .offer;
                let runs = version::parse(&fleet.devices[*device].version).unwrap();
                let own = version::parse(&fleet.rollouts[rollout].version).unwrap();
                prop_assert!(runs >= own, "device {} was dropped: {:?}", device, offer);
            }
        }
        memory.admitted = admitted;
        memory.open = progress.open;
        memory.bound = progress.bound;
    }
    for device in &fleet.devices {
        let open = device
            .deployments
            .iter()
            .filter(|row| row.state.is_open())
            .count();
        prop_assert!(open <= 1, "{} has {open} active deployments", device.id);
    }
    Ok(())
}

/// Never more devices than the stage allows: looked at whenever a step opened or was widened.
fn check_bound(fleet: &Fleet, rollout: usize, before: &Memory) -> Result<(), TestCaseError> {
    let machine = &fleet.rollouts[rollout].machine;
    let progress = machine.progress();
    let (Some(open), true) = (
        progress.open,
        (progress.open, progress.bound) != (before.open, before.bound),
    ) else {
        return Ok(());
    };
    // Steps with nobody in them, or a gate that wants no evidence, are passed at once: what was between is not seen here.
    if open > before.open.map_or(0, |open| open + 1) {
        return Ok(());
    }
    let steps = machine.plan().steps();
    let step = steps[open as usize];
    let same_wave = before
        .open
        .is_some_and(|open| steps[open as usize].wave == step.wave);
    let earlier = before.bound.filter(|_| same_wave);
    prop_assert!(progress.bound >= earlier, "a bound only rises");
    let positions = members(fleet, rollout, step.wave);
    let up_to = |bound: Option<Position>| {
        positions
            .iter()
            .filter(|position| Some(**position) <= bound)
            .count()
    };
    let (n, had) = (positions.len(), up_to(earlier));
    if step.is_all() {
        prop_assert_eq!(up_to(progress.bound), n);
        return Ok(());
    }
    let allowed = match (step.of, step.size) {
        (Of::Total, Size::ShareBp(bp)) => (n * usize::from(bp) / 10_000).max(1),
        (Of::Total, Size::Count(count)) => count as usize,
        (Of::Remaining, Size::ShareBp(bp)) => had + ((n - had) * usize::from(bp) / 10_000).max(1),
        (Of::Remaining, Size::Count(count)) => had + count as usize,
    };
    prop_assert!(
        up_to(progress.bound) <= allowed.max(had),
        "{} of {n} devices, {allowed} allowed",
        up_to(progress.bound)
    );
    prop_assert!(n == 0 || up_to(progress.bound) > 0);
    Ok(())
}

fn perform(fleet: &mut Fleet, action: &Action) -> Result<(), TestCaseError> {
    let count = fleet.devices.len();
    match action {
        Action::Pass(seconds) => fleet.pass(*seconds),
        Action::Poll(device) => {
            let device = device % count;
            let running = version::parse(&fleet.devices[device].version).unwrap();
            let states: Vec<(String, RolloutState)> = fleet
                .rollouts
                .iter()
                .map(|one| (one.id.clone(), one.machine.progress().state))
                .collect();
            if let Some(by) = fleet.poll(device) {
                let (id, state) = states.iter().find(|(id, _)| *id == by).unwrap();
                prop_assert!(
                    matches!(state, RolloutState::Running | RolloutState::Completed),
                    "{id} is {state}"
                );
                let offered = version::parse(id.trim_start_matches("r-")).unwrap();
                prop_assert!(offered > running, "versions only rise");
            }
        }
        Action::Tell(device, rollout, news) => {
            let id = fleet.rollouts[*rollout].id.clone();
            fleet.tell(device % count, &id, News::ALL[*news], None);
        }
        Action::Command(rollout, number) => {
            let before = fleet.rollouts[*rollout].machine.progress().clone();
            if let Err(refusal) = fleet.apply_to(*rollout, command(*number)) {
                prop_assert_eq!(&before, fleet.rollouts[*rollout].machine.progress());
                prop_assert!(!refusal.to_string().is_empty() && !refusal.code().is_empty());
            }
        }
        Action::Arrive(number) => {
            let mut device =
                Device::new(&format!("late-{number}-{count}")).at(["a", "b"][number % 2]);
            device.seen.last = Some(fleet.now);
            fleet.devices.push(device);
        }
        Action::Leave(device) => {
            fleet.devices[device % count].seen.last = Some(START - 100 * 24 * HOUR);
        }
    }
    Ok(())
}

fn devices(count: usize) -> Vec<Device> {
    (0..count)
        .map(|number| Device::new(&format!("device-{number}")).at(["a", "b"][number % 2]))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn whatever_happens_the_rules_hold(first in plan(), second in plan(), count in 1..25_usize, actions in actions()) {
        let mut fleet = Fleet::new(devices(count), first);
        fleet.add("1.2.0", second);
        fleet.start();
        let mut memory = [Memory::default(), Memory::default()];
        check_bound(&fleet, 0, &memory[0])?;
        check(&fleet, &mut memory)?;
        for action in &actions {
            let before = memory.clone();
            perform(&mut fleet, action)?;
            // While time passes a step may open and devices leave reach: the moment of the opening is gone.
            if !matches!(action, Action::Pass(_)) {
                check_bound(&fleet, 0, &before[0])?;
                check_bound(&fleet, 1, &before[1])?;
            }
            check(&fleet, &mut memory)?;
        }
    }

    /// As long as devices that are there say well, a rollout comes to its end, and is not held by those that are not.
    #[test]
    fn completion_is_not_held_by_the_unreachable(plan in plan(), count in 1..25_usize, away in prop::collection::vec(any::<bool>(), 25)) {
        let plan = RolloutPlan { advance: Advance::Auto, ..plan };
        let excluded = plan.target.exclude.clone();
        let mut fleet = Fleet::new(devices(count), plan);
        for (device, away) in fleet.devices.iter_mut().zip(&away) {
            if *away {
                device.seen.last = Some(START - 30 * 24 * HOUR);
            }
        }
        fleet.start();
        for _ in 0..24 * 40 {
            for (device, _) in away.iter().take(count).enumerate().filter(|(_, away)| !**away) {
                    fleet.update(device);
                }
            fleet.pass(HOUR);
            if fleet.state() == RolloutState::Completed {
                break;
            }
        }
        prop_assert_eq!(fleet.state(), RolloutState::Completed);
        for (device, away) in fleet.devices.iter().zip(&away) {
            let wanted = if *away || excluded.contains(&device.id) { "1.0.0" } else { "1.1.0" };
            prop_assert_eq!(&device.version, wanted);
        }
    }
}
