use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::{
    Caps, FailureKind, Of, Retry, Size, Stage, Target, Timers, TripAction, TripRule, Wave, Window,
};

/// How a rollout goes. `{}` is seed 004's plan: 10 % and 24 hours, 50 % of the rest and 12 hours, everybody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct RolloutPlan {
    /// Whom it is for; by default every device of the release's type.
    pub target: Target,
    /// The parts of the target, in order; none: one wave of all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub waves: Vec<Wave>,
    /// The stages of every wave that has none of its own. The last takes everybody.
    pub stages: Vec<Stage>,
    /// What stops it.
    pub trips: Vec<TripRule>,
    /// What happens then, where a rule does not say otherwise.
    pub action: TripAction,
    /// What a stage has to show before the next one opens.
    pub gate: Gate,
    /// Who opens the next stage.
    pub advance: Advance,
    /// How often devices try again.
    pub retry: Retry,
    /// How long devices may take.
    pub timers: Timers,
    /// How much may go on at once.
    pub caps: Caps,
    /// When devices may install; absent: at any time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
    /// Whether devices install at once, whatever the window says.
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    pub required: bool,
    /// Whether devices that run a higher version go down to this one.
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    pub allow_downgrade: bool,
    /// The earliest time the first stage opens, Unix seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_at: Option<i64>,
    /// The channel that is to point at the release once the rollout is completed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub promote: Option<String>,
    /// What decides, with a device's id, who comes first; by default the release's id, so that the first are others each
    /// time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub salt: Option<String>,
    /// The version a rollback goes to; by default the newest lower one that was stable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rollback_to: Option<String>,
}

impl Default for RolloutPlan {
    fn default() -> Self {
        Self {
            target: Target::default(),
            waves: Vec::new(),
            stages: seed_004(),
            trips: default_trips(),
            action: TripAction::default(),
            gate: Gate::default(),
            advance: Advance::default(),
            retry: Retry::default(),
            timers: Timers::default(),
            caps: Caps::default(),
            window: None,
            required: false,
            allow_downgrade: false,
            start_at: None,
            promote: None,
            salt: None,
            rollback_to: None,
        }
    }
}

/// Seed 004, stage 2: 10 %, 24 hours, 50 % of the remaining, 12 hours, 100 %.
fn seed_004() -> Vec<Stage> {
    vec![
        Stage {
            size: Size::ShareBp(1000),
            of: Of::Total,
            soak_s: 24 * 3600,
        },
        Stage {
            size: Size::ShareBp(5000),
            of: Of::Remaining,
            soak_s: 12 * 3600,
        },
        Stage::ALL,
    ]
}

/// One device in ten of any failure; one in a hundred that came back with the old app or not at all. The least numbers are
/// such that a fleet with one such failure in a hundred, or four hundred, stops by chance about once in fifty rollouts.
fn default_trips() -> Vec<TripRule> {
    vec![
        TripRule::share(1000, 20, Vec::new()),
        TripRule::share(100, 400, vec![FailureKind::RolledBack, FailureKind::Lost]),
    ]
}

/// What a stage has to show before the next one opens, beside its soak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Gate {
    /// The least share of the stage's evaluated devices that is confirmed, in basis points.
    pub success_bp: u16,
    /// The fewest evaluated devices of the stage; all of its reachable ones, where it has fewer.
    pub min_evaluated: u32,
}

impl Default for Gate {
    fn default() -> Self {
        Self {
            success_bp: 9500,
            min_evaluated: 20,
        }
    }
}

/// Who opens the next stage once the gate is passed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Advance {
    /// The rollout itself.
    #[default]
    Auto,
    /// A person.
    Manual,
    /// A person other than the one who started it.
    Approval,
}
