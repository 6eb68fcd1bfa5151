use std::fmt;

use super::{MAX_STEPS, MAX_TRIPS, MAX_WAIT_S, MAX_WAVES};

/// What is wrong with a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PlanError {
    /// A wave has no stages.
    NoStages {
        /// The wave's name.
        wave: String,
    },
    /// The last stage of a wave does not take everybody.
    LastStageNotAll {
        /// The wave's name.
        wave: String,
    },
    /// A stage comes after one that takes everybody.
    StageAfterAll {
        /// The wave's name.
        wave: String,
    },
    /// A stage's share of the total is not above the one before.
    ShareDoesNotRise {
        /// The wave's name.
        wave: String,
        /// The stage, from 1.
        stage: usize,
    },
    /// A share is not within 1 to 10,000 basis points.
    Share {
        /// Where it stands.
        what: &'static str,
        /// What was found.
        found: u16,
    },
    /// A number that has to be at least one is zero.
    Zero {
        /// Where it stands.
        what: &'static str,
    },
    /// A wait is longer than a year.
    WaitTooLong {
        /// Where it stands.
        what: &'static str,
        /// What was found, in seconds.
        found: u64,
    },
    /// Too many waves.
    TooManyWaves {
        /// How many.
        found: usize,
    },
    /// Too many stages over all waves.
    TooManySteps {
        /// How many.
        found: usize,
    },
    /// Too many trip rules.
    TooManyTrips {
        /// How many.
        found: usize,
    },
    /// A trip rule has neither a share nor a count.
    TripWithoutLimit {
        /// The rule, from 1.
        rule: usize,
    },
    /// A wave without a name.
    WaveWithoutName {
        /// The wave, from 1.
        wave: usize,
    },
    /// A wave that takes all comes before others.
    WaveNeverReached {
        /// The wave that takes all.
        wave: String,
    },
    /// A list is too long.
    ListTooLong {
        /// Which.
        what: &'static str,
        /// How long.
        found: usize,
        /// The limit.
        limit: usize,
    },
    /// A list holds an empty name.
    EmptyName {
        /// Which.
        what: &'static str,
    },
    /// The version requirement cannot be read.
    Versions {
        /// What was found.
        found: String,
    },
    /// The version to go back to cannot be read.
    RollbackTo {
        /// What was found.
        found: String,
    },
    /// The first wait after a failure is longer than the longest.
    Backoff {
        /// The first, in seconds.
        first: u32,
        /// The longest, in seconds.
        longest: u32,
    },
    /// The window opens and closes at the same minute.
    EmptyWindow,
}

impl PlanError {
    /// A stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoStages { .. } => "no_stages",
            Self::LastStageNotAll { .. } => "last_stage_not_all",
            Self::StageAfterAll { .. } => "stage_after_all",
            Self::ShareDoesNotRise { .. } => "share_does_not_rise",
            Self::Share { .. } => "share_out_of_range",
            Self::Zero { .. } => "zero",
            Self::WaitTooLong { .. } => "wait_too_long",
            Self::TooManyWaves { .. } => "too_many_waves",
            Self::TooManySteps { .. } => "too_many_stages",
            Self::TooManyTrips { .. } => "too_many_trips",
            Self::TripWithoutLimit { .. } => "trip_without_limit",
            Self::WaveWithoutName { .. } => "wave_without_name",
            Self::WaveNeverReached { .. } => "wave_never_reached",
            Self::ListTooLong { .. } => "list_too_long",
            Self::EmptyName { .. } => "empty_name",
            Self::Versions { .. } => "versions_unreadable",
            Self::RollbackTo { .. } => "rollback_to_unreadable",
            Self::Backoff { .. } => "backoff_out_of_order",
            Self::EmptyWindow => "empty_window",
        }
    }
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoStages { wave } => write!(f, "wave {wave:?} has no stages: give it at least one, or leave `stages` out to use the plan's"),
            Self::LastStageNotAll { wave } => write!(f, "the last stage of wave {wave:?} does not take everybody: add {{\"size\":{{\"share_bp\":10000}}}}"),
            Self::StageAfterAll { wave } => write!(f, "wave {wave:?} has a stage after the one of 10000 basis points, which takes everybody: remove one of them"),
            Self::ShareDoesNotRise { wave, stage } => write!(f, "stage {stage} of wave {wave:?} takes no more of the total than the stage before: raise it, or use `of: remaining`"),
            Self::Share { what, found } => write!(f, "{what} is {found} basis points: use 1 to 10000 (100 are one percent)"),
            Self::Zero { what } => write!(f, "{what} is 0: use at least 1"),
            Self::WaitTooLong { what, found } => write!(f, "{what} is {found} s: use at most {MAX_WAIT_S} s, which is a year"),
            Self::TooManyWaves { found } => write!(f, "{found} waves: use at most {MAX_WAVES}"),
            Self::TooManySteps { found } => write!(f, "{found} stages over all waves: use at most {MAX_STEPS}"),
            Self::TooManyTrips { found } => write!(f, "{found} trip rules: use at most {MAX_TRIPS}"),
            Self::TripWithoutLimit { rule } => write!(f, "trip rule {rule} has neither `share_bp` nor `count`: it would never fire; give it one"),
            Self::WaveWithoutName { wave } => write!(f, "wave {wave} has no name: people have to tell it from the others"),
            Self::WaveNeverReached { wave } => write!(f, "wave {wave:?} has an empty area, takes every device and comes before others: put it last"),
            Self::ListTooLong { what, found, limit } => write!(f, "`{what}` names {found}: at most {limit}; for more, give the devices a tag or a group"),
            Self::EmptyName { what } => write!(f, "`{what}` holds an empty name: remove it"),
            Self::Versions { found } => write!(f, "{found:?} is no requirement on versions: write one like `>=1.0.0, <1.2.0` or `=1.1.0`"),
            Self::RollbackTo { found } => write!(f, "`rollback_to` {found:?} is no semantic version"),
            Self::Backoff { first, longest } => write!(f, "`retry.backoff_s` {first} is above `retry.backoff_max_s` {longest}: lower one or raise the other"),
            Self::EmptyWindow => f.write_str("the window opens and closes at the same minute: leave `window` out to allow any time"),
        }
    }
}

impl std::error::Error for PlanError {}
