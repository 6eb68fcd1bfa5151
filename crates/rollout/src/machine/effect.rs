use updraft_protocol::api::rollout::{Trip, TripAction};

/// What is to be done. All of it may be done twice, or is noted in the machine together with the change that wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Survey this wave, and tell by [`super::Event::Surveyed`].
    Survey {
        /// The wave, from 0.
        wave: u32,
    },
    /// Publish the rollout's new state to whoever decides: offers are others now.
    OffersChanged,
    /// Cancel every deployment of the rollout that is offered ([`crate::deployment::News::Drop`]).
    DropOffered,
    /// Cancel every deployment of the rollout short of activation ([`crate::deployment::News::Revoke`]), and tell the
    /// devices: their next word on it is answered with 410.
    Revoke,
    /// Begin a rollout of the last good release to those that this one confirmed, and tell by
    /// [`super::Event::TakenBack`] in the same step which it is, so that there is one and no second.
    RollBack,
    /// Cancel the rollout that takes back what this one confirmed, in the same step: this one goes on.
    CallBackOff {
        /// Its id.
        rollout: String,
    },
    /// Point this channel at the release, in the same step: it is asked for once, and whoever points the channel
    /// elsewhere later has the last word.
    Promote {
        /// The channel's name.
        channel: String,
    },
    /// Forgive every failed or cancelled deployment of the rollout ([`crate::deployment::News::Forgiven`]).
    Forgive,
    /// Tell people.
    Notice(Notice),
}

/// What people are told.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// It was started.
    Started,
    /// A step opened.
    StepOpened {
        /// Which, from 0.
        step: u32,
        /// Reachable devices of the wave up to its bound.
        devices: u32,
    },
    /// None of a step's devices can be reached any more and none said anything, so it takes others.
    StepWidened {
        /// Which, from 0.
        step: u32,
        /// Reachable devices of the wave up to its new bound.
        devices: u32,
    },
    /// A step passed its gate.
    StepPassed {
        /// Which, from 0.
        step: u32,
    },
    /// A step passed its gate, and a person has to open the next.
    AwaitsAdvance {
        /// The step that passed, from 0.
        step: u32,
    },
    /// A step passed its gate, and a second person has to approve.
    AwaitsApproval {
        /// The step that passed, from 0.
        step: u32,
    },
    /// It was paused.
    Paused,
    /// It goes on.
    Resumed,
    /// It tripped, or was halted.
    Halted(Trip),
    /// Every reachable device came to an end.
    Completed,
    /// It was cancelled.
    Cancelled,
}

/// The ladder: each action does what those before it do. Who was taken back is not taken back again.
pub(super) fn of_action(action: TripAction, is_taken_back: bool, effects: &mut Vec<Effect>) {
    effects.push(Effect::OffersChanged);
    if action >= TripAction::Cancel {
        effects.push(Effect::DropOffered);
    }
    if action >= TripAction::Revoke {
        effects.push(Effect::Revoke);
    }
    if action >= TripAction::Rollback && !is_taken_back {
        effects.push(Effect::RollBack);
    }
}
