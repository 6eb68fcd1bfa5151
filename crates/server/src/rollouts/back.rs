//! Taking back what a rollout confirmed: by a rollout of its own, which is begun once.
//!
//! That it was begun is noted in the rollout that is taken back, in the transaction that makes the other one. Whichever node
//! is alive may try, as often as it likes: one succeeds, and the others find that it is done.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde_json::json;
use updraft_protocol::api::rollout::{RolloutPlan, RolloutState, Size, Stage, Target, TripAction};
use updraft_protocol::version;
use updraft_rollout::{Event, Plan, PlanError, Refusal, RolloutMachine};
use updraft_store::{RolloutAudit, RolloutRecord, StoreError, new_id};

use super::audit::SERVER;
use super::commit::Told;
use super::timers::AGAIN_S;
use super::work::{Next, Work};
use super::{Due, Live};
use crate::core::Core;
use crate::published::{Offering, Published};

/// How soon it is looked again whether there is a good release to go back to, in seconds.
const GOOD_AGAIN_S: i64 = 60;

/// Why nothing is taken back.
#[derive(Debug)]
enum BackError {
    /// There is no release to go back to.
    NoGoodRelease,
    /// The plan for it is not sound.
    Plan(PlanError),
    /// A rollout did not take it.
    Refused(Refusal),
    /// The database did not take it.
    Store(StoreError),
}

impl From<StoreError> for BackError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl fmt::Display for BackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoGoodRelease => f.write_str("there is no good release to go back to"),
            Self::Plan(error) => write!(f, "its plan: {error}"),
            Self::Refused(error) => error.fmt(f),
            Self::Store(error) => error.fmt(f),
        }
    }
}

impl Core {
    /// Takes back what a rollout confirmed, if that is wanted and nobody does so yet; now, or as soon as that can be done.
    pub(super) async fn take_back(&self, id: &str) {
        let published = self.published();
        let make = |live: &BTreeMap<String, Live>| {
            let good = |kept: &Live| good_release(&published, kept);
            self.back(live, id, good)
        };
        let Err(error) = Box::pin(self.commit(&[], &[], make)).await else {
            return;
        };
        let again_s = match error {
            BackError::NoGoodRelease => GOOD_AGAIN_S,
            _ => AGAIN_S,
        };
        tracing::error!(rollout = id, %error, again_s, "the rollback could not be begun; it is tried again");
        let again = self.clock.now().saturating_add(again_s);
        self.timers.add(again, Due::TakeBack(id.to_owned()));
    }

    /// What that makes of the rollout, and of the one that takes it back.
    fn back(
        &self,
        live: &BTreeMap<String, Live>,
        id: &str,
        good: impl Fn(&Live) -> Option<Arc<Offering>>,
    ) -> Result<Work, BackError> {
        let now = self.clock.now();
        let mut work = Work::default();
        let Some(kept) = live.get(id).filter(|kept| kept.machine.wants_back()) else {
            return Ok(work);
        };
        let by = if let Some(found) = live.values().find(|found| found.takes_back(kept)) {
            if found.record.state == RolloutState::Draft {
                let mut next = Next::of(found);
                self.start(found, &mut next, kept, now)?;
                work.next.insert(found.record.id.clone(), next);
            }
            found.record.id.clone()
        } else {
            let good = good(kept).ok_or(BackError::NoGoodRelease)?;
            let (record, next) = self.new_back(kept, &good, now)?;
            let id = record.id.clone();
            work.new = Some((record, next));
            id
        };
        let mut next = Next::of(kept);
        self.drive(kept, &mut next, Event::TakenBack { by }, now)
            .map_err(BackError::Refused)?;
        work.next.insert(id.to_owned(), next);
        Ok(work)
    }

    /// A rollout of a good release to those that a bad one's rollout confirmed, started.
    fn new_back(
        &self,
        bad: &Live,
        good: &Offering,
        now: i64,
    ) -> Result<(RolloutRecord, Next), BackError> {
        let wire = RolloutPlan {
            target: Target {
                confirmed_in: Some(bad.record.id.clone()),
                ..Target::default()
            },
            stages: vec![Stage {
                size: Size::ShareBp(10_000),
                ..Stage::ALL
            }],
            action: TripAction::Pause,
            required: true,
            allow_downgrade: true,
            ..RolloutPlan::default()
        };
        let plan = Plan::new(wire.clone()).map_err(BackError::Plan)?;
        let mut new = Live {
            machine: RolloutMachine::new(Arc::new(plan)),
            record: RolloutRecord {
                id: new_id(),
                device_type: bad.record.device_type.clone(),
                release_id: good.release.id.clone(),
                version: good.release.version.clone(),
                name: Some(format!("back from {}", bad.record.version)),
                state: RolloutState::Draft,
                plan: wire,
                machine: String::new(),
                revision: 0,
                created_at: now,
                created_by: SERVER.to_owned(),
                started_at: None,
                started_by: None,
                ended_at: None,
            },
        };
        let mut next = Next::of(&new);
        self.start(&new, &mut next, bad, now)?;
        new.machine = next.machine.clone();
        new.settle();
        // Numbers and texts always serialise.
        new.record.machine = serde_json::to_string(new.machine.progress()).unwrap_or_default();
        Ok((new.record, next))
    }

    fn start(&self, back: &Live, next: &mut Next, from: &Live, now: i64) -> Result<(), BackError> {
        next.audit.push(RolloutAudit {
            actor: SERVER.to_owned(),
            action: "rollout.start".to_owned(),
            detail: json!({ "back_from": from.record.id }),
        });
        let by = SERVER.to_owned();
        self.drive(back, next, Event::Start { by }, now)
            .map_err(BackError::Refused)
    }

    /// What becomes of a rollout that takes back another one, which goes on; nothing if it was cancelled before.
    pub(super) fn called_off(&self, back: &Live, told: &Told, now: i64) -> Option<Next> {
        let mut next = Next::of(back);
        self.drive(back, &mut next, Event::Cancel, now).ok()?;
        next.audit
            .extend(told.audit.as_ref().map(|audit| RolloutAudit {
                actor: audit.actor.clone(),
                action: "rollout.cancel".to_owned(),
                detail: json!({ "was": back.record.state, "resumed": told.id }),
            }));
        Some(next)
    }
}

impl Live {
    /// Whether this one takes back what another, which is halted, confirmed. A person may have made it; one that a person
    /// cancelled since the other was halted counts, too: nothing is to be taken back.
    fn takes_back(&self, bad: &Self) -> bool {
        let (record, plan) = (&self.record, &self.record.plan);
        let is_back =
            plan.allow_downgrade && plan.target.confirmed_in.as_ref() == Some(&bad.record.id);
        let progress = bad.machine.progress();
        let halted_at = progress.trip.as_ref().map(|trip| trip.at);
        // Made by a version of this server that did not note it.
        let is_old = progress.resumes == 0
            && record.created_by == SERVER
            && halted_at.is_some_and(|at| record.created_at >= at);
        is_back
            && match record.state {
                RolloutState::Draft | RolloutState::Cancelled => is_old,
                RolloutState::Running
                | RolloutState::Paused
                | RolloutState::Halted
                | RolloutState::Completed => true,
            }
    }
}

/// What to go back to: the version that the plan names, else the newest below the bad one that everybody may have.
fn good_release(published: &Published, bad: &Live) -> Option<Arc<Offering>> {
    let record = &bad.record;
    let device_type = record.device_type.as_str();
    if let Some(wanted) = bad.machine.plan().rollback_to() {
        let mut all = published.of_type(device_type);
        let meant = |offering: &&Arc<Offering>| offering.version.cmp_precedence(wanted).is_eq();
        return all
            .find(meant)
            .filter(|offering| offering.release.blocked.is_none())
            .cloned();
    }
    let version = version::parse(&record.version).ok()?;
    let mut all = published.snapshot.device_type(device_type)?.for_everybody();
    let good = all.find(|candidate| version::is_newer(&version, &candidate.version))?;
    published.offering(&good.release.id).cloned()
}
