use std::fmt;

use updraft_protocol::api::DeploymentState;
use updraft_protocol::api::rollout::{RolloutState, Waiting};

/// Why a rollout does not do what it was told.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// Its state does not allow it.
    State {
        /// Where it stands.
        state: RolloutState,
        /// What it was told.
        what: &'static str,
    },
    /// Resuming what tripped wants a note.
    NoteWanted,
    /// The one who started it may not approve.
    SamePerson {
        /// Who.
        by: String,
    },
    /// The plan wants no approval.
    NoApprovalWanted,
    /// The plan wants the approval of a second person first.
    ApprovalWanted,
    /// It was halted with this action or a harder one.
    AlreadyHalted,
    /// The open step has not passed its gate.
    GateNotPassed {
        /// What it waits for.
        waiting: Waiting,
    },
    /// There is no step after the open one.
    NothingAhead,
    /// The plan has no such step.
    NoSuchStep {
        /// Which, from 0.
        step: u32,
    },
    /// No deployment of that step is known to be there: the counts and the deployments disagree, count anew.
    Miscounted {
        /// The step, from 0.
        step: u32,
        /// Where it was said to be.
        state: DeploymentState,
    },
    /// The survey is not of the wave that was asked for, or none was.
    WrongSurvey {
        /// The wave that was surveyed.
        wave: u32,
    },
}

impl Refusal {
    pub(super) const fn not(state: RolloutState, what: &'static str) -> Self {
        Self::State { state, what }
    }

    /// A stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::State { .. } => "rollout_state",
            Self::NoteWanted => "note_wanted",
            Self::SamePerson { .. } => "same_person",
            Self::NoApprovalWanted => "no_approval_wanted",
            Self::ApprovalWanted => "approval_wanted",
            Self::AlreadyHalted => "already_halted",
            Self::GateNotPassed { .. } => "gate_not_passed",
            Self::NothingAhead => "nothing_ahead",
            Self::NoSuchStep { .. } => "no_such_step",
            Self::Miscounted { .. } => "miscounted",
            Self::WrongSurvey { .. } => "wrong_survey",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::State { state, what } => write!(f, "a rollout that is {state} cannot {what}"),
            Self::NoteWanted => f.write_str(
                "the rollout was halted: resuming it wants a note that says why that is right",
            ),
            Self::SamePerson { by } => write!(
                f,
                "{by} started the rollout: somebody else has to approve"
            ),
            Self::NoApprovalWanted => {
                f.write_str("the plan wants no approval: its `advance` is not `approval`")
            }
            Self::ApprovalWanted => {
                f.write_str("the plan wants the approval of a second person first: approve it")
            }
            Self::AlreadyHalted => f.write_str(
                "the rollout is halted already, with this action or a harder one: the ladder is pause, cancel, revoke, rollback",
            ),
            Self::GateNotPassed { waiting } => {
                write!(f, "the open stage has not passed its gate: it waits for ")?;
                waiting_for(waiting, f)?;
                f.write_str("; force it to open the next one all the same")
            }
            Self::NothingAhead => f.write_str("the open stage is the last one"),
            Self::NoSuchStep { step } => write!(f, "the plan has no step {step}"),
            Self::Miscounted { step, state } => write!(
                f,
                "no deployment of step {step} is counted as {}: count them anew",
                state.as_str()
            ),
            Self::WrongSurvey { wave } => write!(f, "nobody asked for a survey of wave {wave}"),
        }
    }
}

/// What a rollout waits for, in words.
pub(crate) fn waiting_for(waiting: &Waiting, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match waiting {
        Waiting::Time { until } => write!(f, "its time, which is {until} (Unix)"),
        Waiting::Soak { until } => write!(f, "the end of its soak, which is {until} (Unix)"),
        Waiting::Evaluated { evaluated, wanted } => write!(
            f,
            "{wanted} evaluated devices, of which there are {evaluated}"
        ),
        Waiting::Success {
            confirmed,
            evaluated,
            wanted_bp,
        } => write!(
            f,
            "{}.{:02} % confirmed, and has {confirmed} of {evaluated}",
            wanted_bp / 100,
            wanted_bp % 100
        ),
        Waiting::Advance => f.write_str("a person to open the next stage"),
        Waiting::Approval => f.write_str("the approval of a second person"),
        Waiting::Devices { open, waiting } => write!(
            f,
            "{open} devices under way and {waiting} that have not begun"
        ),
        Waiting::Survey => f.write_str("a count of the fleet's devices"),
    }
}

impl std::error::Error for Refusal {}
