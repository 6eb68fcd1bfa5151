use updraft_protocol::api::DeploymentState;
use updraft_protocol::api::rollout::{Counts, TripAction};

use crate::deployment::Place;
use crate::position::Position;

/// What may happen to a rollout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A person starts it.
    Start {
        /// Who.
        by: String,
    },
    /// A person stops it for a while.
    Pause,
    /// A person lets it go on. After a trip the note says why that is right.
    Resume {
        /// Why; it may be empty unless the rollout is halted.
        note: String,
    },
    /// A person halts it, or takes a harder action on one that is halted.
    Halt {
        /// Who.
        by: String,
        /// Why.
        reason: String,
        /// What is done; absent: the plan's action.
        action: Option<TripAction>,
    },
    /// A person ends it.
    Cancel,
    /// A person approves of the next step.
    Approve {
        /// Who.
        by: String,
    },
    /// A person opens the next step.
    Advance {
        /// Although this one has not passed its gate, and its wave's time has not come.
        force: bool,
    },
    /// A person has those that failed try again.
    Retry,
    /// A deployment that had come to an end was offered again, and belongs to the open step from now on. This is one event:
    /// in between nobody is nowhere.
    Reoffered {
        /// The step it belonged to, from 0.
        step: u32,
        /// Where it stood.
        from: DeploymentState,
        /// The step it is offered in, from 0.
        to_step: u32,
    },
    /// A deployment went from one place to another. It belongs to the step that was open when it was last offered.
    Moved {
        /// The deployment's step, from 0.
        step: u32,
        /// From where.
        from: Place,
        /// To where.
        to: Place,
    },
    /// A rollout was begun, or found, that takes back what this one confirmed.
    TakenBack {
        /// Its id.
        by: String,
    },
    /// All deployments were counted anew, by step. Trips and gates go on from these numbers.
    Recounted(Vec<Counts>),
    /// The survey that was asked for.
    Surveyed(Survey),
    /// Time went by.
    Tick,
}

/// Who is there: made by [`crate::Census::survey`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Survey {
    /// The wave that was asked for.
    pub wave: u32,
    /// The positions, in any order, of the wave's reachable devices that want the release or have a deployment in the
    /// rollout, whatever came of it.
    pub positions: Vec<Position>,
    /// Devices of all waves that are admitted already, reachable, want the release, and have not begun.
    pub waiting: u32,
    /// Devices of the wave that want the release and were not seen lately.
    pub unreachable: u32,
}
