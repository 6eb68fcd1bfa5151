//! What people ask of a rehearsal: how the plan goes, and how soon it catches a release that is bad.

use std::fmt;
use std::sync::Arc;

use updraft_protocol::api::rollout::{
    RehearsalOdds, RehearsalOutcome, RehearsalReport, RehearsalTerms, Spread,
};

use super::{Faults, Odds, Outcome, Rehearsal, VirtualFleet};
use crate::plan::Plan;
use crate::snapshot::TypeSnapshot;

/// The whole, in basis points.
const WHOLE_BP: u16 = 10_000;

/// A plan to be rehearsed once as it is expected to go, and many times with a release that bricks devices.
#[derive(Debug, Clone)]
pub struct Study {
    /// The plan.
    pub plan: Arc<Plan>,
    /// The device type with its releases.
    pub device_type: TypeSnapshot,
    /// The release, which is one of the type's.
    pub release_id: String,
    /// When it starts, Unix seconds.
    pub start: i64,
    /// How it is rehearsed.
    pub terms: RehearsalTerms,
    /// After so many events, of all runs together, it is given up.
    pub max_events: u64,
}

/// Why nothing was rehearsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StudyError {
    /// A term is out of its range.
    Term {
        /// Its name.
        name: &'static str,
        /// What it is.
        found: u64,
        /// The least and the most it may be.
        range: (u64, u64),
    },
    /// It takes longer than was allowed.
    TooLong {
        /// The events that were allowed.
        max_events: u64,
    },
}

impl StudyError {
    /// A stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Term { .. } => "bad_rehearsal",
            Self::TooLong { .. } => "rehearsal_too_long",
        }
    }
}

impl fmt::Display for StudyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Term {
                name,
                found,
                range: (least, most),
            } => write!(f, "{name} is {found}, and must be {least} to {most}"),
            Self::TooLong { max_events } => write!(
                f,
                "the rehearsal came to more than {max_events} events and was given up: rehearse fewer devices or runs, or \
                 a plan whose caps turn fewer devices away"
            ),
        }
    }
}

impl std::error::Error for StudyError {}

impl Study {
    /// Rehearses it with this fleet.
    pub fn run(&self, fleet: &VirtualFleet) -> Result<RehearsalReport, StudyError> {
        let terms = &self.terms;
        check(terms)?;
        let mut rehearsal = Rehearsal {
            plan: self.plan.clone(),
            device_type: self.device_type.clone(),
            release_id: self.release_id.clone(),
            faults: faults(terms, terms.brick_bp),
            start: self.start,
            horizon_s: terms.horizon_s,
            max_events: self.max_events,
            seed: terms.seed,
        };
        let cast = rehearsal.cast(fleet);
        let outcome = rehearsal.run_with(fleet, &cast, terms.seed);
        let too_long = StudyError::TooLong {
            max_events: self.max_events,
        };
        if outcome.gave_up {
            return Err(too_long);
        }
        rehearsal.faults = faults(terms, terms.bad_brick_bp);
        rehearsal.max_events = self.max_events - outcome.events;
        let odds = rehearsal.odds_with(fleet, &cast, terms.runs);
        if odds.gave_up {
            return Err(too_long);
        }
        Ok(RehearsalReport {
            devices: fleet.len() as u32,
            members: cast.members(),
            terms: terms.clone(),
            outcome: shown(outcome, self.start),
            odds: told(&odds, terms.bad_brick_bp),
        })
    }
}

fn check(terms: &RehearsalTerms) -> Result<(), StudyError> {
    let whole = u64::from(WHOLE_BP);
    for (name, found, range) in [
        ("failure_bp", u64::from(terms.failure_bp), (0, whole)),
        ("rollback_bp", u64::from(terms.rollback_bp), (0, whole)),
        ("brick_bp", u64::from(terms.brick_bp), (0, whole)),
        ("bad_brick_bp", u64::from(terms.bad_brick_bp), (0, whole)),
        (
            "runs",
            u64::from(terms.runs),
            (0, u64::from(RehearsalTerms::MAX_RUNS)),
        ),
        (
            "bytes_per_s",
            u64::from(terms.bytes_per_s),
            (1, u64::from(u32::MAX)),
        ),
        (
            "horizon_s",
            terms.horizon_s,
            (1, RehearsalTerms::MAX_HORIZON_S),
        ),
    ] {
        if !(range.0..=range.1).contains(&found) {
            return Err(StudyError::Term { name, found, range });
        }
    }
    Ok(())
}

const fn faults(terms: &RehearsalTerms, brick_bp: u16) -> Faults {
    Faults {
        failure_bp: terms.failure_bp,
        rollback_bp: terms.rollback_bp,
        brick_bp,
    }
}

fn shown(outcome: Outcome, started_at: i64) -> RehearsalOutcome {
    RehearsalOutcome {
        state: outcome.state,
        started_at,
        duration_s: outcome.duration_s,
        steps: outcome.steps,
        reached: outcome.reached,
        confirmed: outcome.confirmed,
        bricked: outcome.bricked,
        trip: outcome.trip,
        peak_requests_per_s: outcome.peak_requests_per_s,
        background_requests_per_s: outcome.background_per_s,
        peak_bytes_per_s: outcome.peak_bytes_per_s,
        bytes: outcome.bytes,
    }
}

fn told(odds: &Odds, brick_bp: u16) -> RehearsalOdds {
    let spread = |percentile: &dyn Fn(u32) -> Option<u32>| {
        Some(Spread {
            median: percentile(50)?,
            p95: percentile(95)?,
            most: percentile(100)?,
        })
    };
    RehearsalOdds {
        brick_bp,
        runs: odds.runs,
        halted: odds.halted,
        chance: odds.halts(),
        reached: spread(&|percent| odds.reached_percentile(percent)),
        bricked: spread(&|percent| odds.bricked_percentile(percent)),
    }
}
