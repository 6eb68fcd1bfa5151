//! A rollout's plan, checked once and made ready for deciding.

mod audience;
mod check;
mod error;
mod names;

use updraft_protocol::api::rollout::{Of, RolloutPlan, Size, Stage};
use updraft_protocol::version::Version;

pub use audience::Outside;
pub(crate) use audience::{Audience, Whom};
pub use error::PlanError;

use crate::window::LocalWindow;

/// Most waves of a plan: more than a year of weeks.
pub const MAX_WAVES: usize = 64;

/// Most steps of a plan: every stage of every wave.
pub const MAX_STEPS: usize = 256;

/// Most trip rules of a plan. Each is judged at every report.
pub const MAX_TRIPS: usize = 16;

/// Most entries of a list of regions, sites, groups or tags.
pub const MAX_PLACES: usize = 1000;

/// Most devices named by `ids`, `include` or `exclude`. Beyond that a tag or a group serves better.
pub const MAX_IDS: usize = 100_000;

/// Longest soak, and latest opening of a wave after the start, in seconds: a year.
pub const MAX_WAIT_S: u64 = 365 * 24 * 3600;

/// One stage of one wave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// The wave, from 0.
    pub wave: u32,
    /// The stage within the wave, from 0.
    pub stage: u32,
    /// How many devices.
    pub size: Size,
    /// Of what.
    pub of: Of,
    /// The least time to the next step, in seconds.
    pub soak_s: u64,
    /// The earliest time it opens, in seconds since the rollout's start; 0 unless it is its wave's first.
    pub not_before_s: u64,
}

impl Step {
    fn new(wave: usize, stage: usize, plan: &Stage, not_before_s: u64) -> Self {
        Self {
            wave: wave as u32,
            stage: stage as u32,
            size: plan.size,
            of: plan.of,
            soak_s: plan.soak_s,
            not_before_s: if stage == 0 { not_before_s } else { 0 },
        }
    }

    /// Whether it takes the whole wave.
    pub const fn is_all(&self) -> bool {
        matches!(self.size, Size::ShareBp(10_000))
    }

    /// How many devices are admitted once it opens, of `members`, of which `admitted` already are. At least one more
    /// device than before, if there is one.
    pub fn takes(&self, members: usize, admitted: usize) -> usize {
        let share = |of: usize, bp: u16| (of as u128 * u128::from(bp) / 10_000) as usize;
        let wanted = match (self.of, self.size) {
            (Of::Total, Size::ShareBp(bp)) => share(members, bp).max(1),
            (Of::Total, Size::Count(count)) => count as usize,
            (Of::Remaining, Size::ShareBp(bp)) => {
                admitted + share(members.saturating_sub(admitted), bp).max(1)
            }
            (Of::Remaining, Size::Count(count)) => admitted.saturating_add(count as usize),
        };
        wanted.max(admitted).min(members)
    }
}

/// A checked plan.
#[derive(Debug, Clone)]
pub struct Plan {
    wire: RolloutPlan,
    steps: Vec<Step>,
    audience: Audience,
    window: Option<LocalWindow>,
    rollback_to: Option<Version>,
}

impl Plan {
    /// Checks a plan.
    pub fn new(wire: RolloutPlan) -> Result<Self, PlanError> {
        let steps = check::steps(&wire)?;
        check::trips(&wire.trips)?;
        check::numbers(&wire)?;
        let rollback_to = check::rollback_to(&wire)?;
        Ok(Self {
            steps,
            audience: Audience::new(&wire)?,
            window: wire.window.as_ref().map(LocalWindow::new).transpose()?,
            rollback_to,
            wire,
        })
    }

    /// The plan as it was written.
    pub const fn wire(&self) -> &RolloutPlan {
        &self.wire
    }

    /// What decides, with a device's id, its position: the release's id unless the plan names something else.
    pub fn salt<'a>(&'a self, release_id: &'a str) -> &'a str {
        self.wire.salt.as_deref().unwrap_or(release_id)
    }

    /// Every stage of every wave, in order; at least one.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// What people call a wave.
    pub fn wave_name(&self, wave: u32) -> &str {
        let named = self.wire.waves.get(wave as usize);
        named.map_or("all", |wave| wave.name.as_str())
    }

    /// How many waves there are, at least one.
    pub fn waves(&self) -> u32 {
        self.wire.waves.len().max(1) as u32
    }

    /// The maintenance window.
    pub const fn window(&self) -> Option<&LocalWindow> {
        self.window.as_ref()
    }

    /// The version a rollback goes to, if the plan names one.
    pub const fn rollback_to(&self) -> Option<&Version> {
        self.rollback_to.as_ref()
    }

    pub(crate) const fn audience(&self) -> &Audience {
        &self.audience
    }
}

impl Default for Plan {
    /// Seed 004's plan.
    fn default() -> Self {
        Self::new(RolloutPlan::default()).unwrap_or_else(|_| unreachable!("the default is sound"))
    }
}
