//! Rollouts: one release given to a target in stages that judge themselves.
//!
//! Times are Unix seconds, spans are seconds, shares are basis points (10,000 are the whole). Everything in a
//! [`RolloutPlan`] has a default: `{}` is seed 004's plan of 10 %, a day's wait, half of the rest, half a day's
//! wait, and everybody.

mod counts;
mod plan;
mod preview;
mod record;
mod rehearsal;
mod requests;
mod stage;
mod target;
mod timing;
mod trip;

pub use counts::Counts;
pub use plan::{Advance, Gate, RolloutPlan};
pub use preview::{Incompatible, OneWayDoor, Preview, WavePreview};
pub use record::{Rollout, RolloutList, RolloutState, StepReport, StepState, Waiting};
pub use rehearsal::{
    RehearsalOdds, RehearsalOutcome, RehearsalReport, RehearsalRequest, RehearsalTerms, Spread,
    SyntheticFleet,
};
pub use requests::{AdvanceRequest, HaltRequest, NewRollout, NoteRequest, StartRequest};
pub use stage::{Of, Size, Stage, Wave};
pub use target::{Area, Target};

pub use super::Attributes;
pub use timing::{Caps, Day, Retry, TimeOfDay, TimeOfDayError, Timers, Window};
pub use trip::{FailureKind, Trip, TripAction, TripRule};
