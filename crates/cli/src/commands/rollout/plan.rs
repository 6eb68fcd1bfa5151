//! A plan from a file and from flags; flags win.

use std::fs;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use updraft_protocol::api::rollout::{
    Advance, RolloutPlan, Stage, TripAction, TripRule, Wave, Window,
};

use super::parse::{Condition, action, condition, share_bp, stages, trip, wave, window};
use crate::error::Failure;
use crate::exit::Exit;
use crate::settings::Span;

/// How a rollout goes.
#[derive(Debug, Default, PartialEq, Eq, Args)]
pub(super) struct PlanFlags {
    /// A file with the plan, TOML or JSON; flags win over it
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// Only devices of which this holds, such as region=eu, site=A, group=g, tag=t, id=ID, chip=esp32c3,
    /// version=">=1.2"; several of one name mean any of them (tags: all of them)
    #[arg(long, value_name = "NAME=VALUE", value_parser = condition)]
    to: Vec<Condition>,
    /// These devices at once, whatever their stage
    #[arg(long, value_name = "DEVICE")]
    include: Vec<String>,
    /// These devices never
    #[arg(long, value_name = "DEVICE")]
    exclude: Vec<String>,
    /// A part of the target, and when it begins after the start: site=A, then region=B@7d, then rest@14d
    #[arg(long, value_name = "WAVE", value_parser = wave)]
    wave: Vec<Wave>,
    /// Sizes, each with the wait after it [default: 10%:24h,50%rest:12h,100%]
    #[arg(long, value_name = "STAGES", value_parser = parse_stages)]
    stages: Option<Stages>,
    /// What stops it, such as lost=3, failed=5%/20 (of at least 20 outcomes), any=10%; given once, the default
    /// rules do not hold
    #[arg(long, value_name = "RULE", value_parser = trip)]
    trip: Vec<TripRule>,
    /// What is done then: pause, cancel, revoke or rollback
    #[arg(long, value_name = "ACTION", value_parser = action)]
    action: Option<TripAction>,
    /// The share of a stage's outcomes that must be successes, such as 95%
    #[arg(long, value_name = "SHARE", value_parser = share_bp)]
    success: Option<u16>,
    /// The outcomes a stage must have, or as many as it has reachable devices
    #[arg(long, value_name = "N")]
    min_evaluated: Option<u32>,
    /// Who opens the next stage
    #[arg(long, value_enum)]
    advance: Option<Who>,
    /// When devices may install, in their own time, such as 03:00-05:00
    #[arg(long, value_name = "HH:MM-HH:MM", value_parser = window)]
    window: Option<Window>,
    /// Devices may download before the window opens
    #[arg(long, requires = "window")]
    download_early: bool,
    /// Devices install at once, whatever the window
    #[arg(long)]
    required: bool,
    /// Devices that run something higher go down to it
    #[arg(long)]
    allow_downgrade: bool,
    /// Devices under way at once
    #[arg(long, value_name = "N")]
    cap: Option<u32>,
    /// Devices under way at once within one site
    #[arg(long, value_name = "N")]
    site_cap: Option<u32>,
    /// New offers a minute
    #[arg(long, value_name = "N")]
    per_minute: Option<u32>,
    /// The channel that points at the release once the rollout is completed
    #[arg(long, value_name = "CHANNEL")]
    promote: Option<String>,
    /// The version a rollback goes to [default: the newest lower stable one]
    #[arg(long, value_name = "VERSION")]
    rollback_to: Option<String>,
    /// How long an offer that nothing came of holds a place
    #[arg(long, value_name = "TIME")]
    offer_time: Option<Span>,
    /// How long a device may take from the first byte to the reboot
    #[arg(long, value_name = "TIME")]
    progress_time: Option<Span>,
    /// The shortest silence after a reboot that is called lost
    #[arg(long, value_name = "TIME")]
    lost_time: Option<Span>,
}

/// The stages of one flag; clap would read a bare list as several values.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stages(Vec<Stage>);

fn parse_stages(text: &str) -> Result<Stages, String> {
    stages(text).map(Stages)
}

/// Who opens the next stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Who {
    /// The rollout itself
    Auto,
    /// A person
    Manual,
    /// A person other than the one who started it
    Approval,
}

impl From<Who> for Advance {
    fn from(who: Who) -> Self {
        match who {
            Who::Auto => Self::Auto,
            Who::Manual => Self::Manual,
            Who::Approval => Self::Approval,
        }
    }
}

fn seconds(span: Span) -> u32 {
    u32::try_from(span.0.as_secs()).unwrap_or(u32::MAX)
}

impl PlanFlags {
    /// Whether there is any.
    pub(super) fn says_anything(&self) -> bool {
        *self != Self::default()
    }

    /// The plan that was asked for.
    pub(super) fn plan(self) -> Result<RolloutPlan, Failure> {
        let mut plan = match &self.plan {
            Some(path) => read(path)?,
            None => RolloutPlan::default(),
        };
        for condition in self.to {
            condition.add_to(&mut plan.target);
        }
        plan.target.include.extend(self.include);
        plan.target.exclude.extend(self.exclude);
        plan.waves.extend(self.wave);
        if let Some(Stages(stages)) = self.stages {
            plan.stages = stages;
        }
        if !self.trip.is_empty() {
            plan.trips = self.trip;
        }
        plan.action = self.action.unwrap_or(plan.action);
        plan.gate.success_bp = self.success.unwrap_or(plan.gate.success_bp);
        plan.gate.min_evaluated = self.min_evaluated.unwrap_or(plan.gate.min_evaluated);
        plan.advance = self.advance.map_or(plan.advance, Into::into);
        plan.window = self.window.or(plan.window);
        if let Some(window) = &mut plan.window {
            window.download_early |= self.download_early;
        }
        plan.required |= self.required;
        plan.allow_downgrade |= self.allow_downgrade;
        plan.caps.fleet = self.cap.or(plan.caps.fleet);
        plan.caps.site = self.site_cap.or(plan.caps.site);
        plan.caps.per_minute = self.per_minute.or(plan.caps.per_minute);
        plan.promote = self.promote.or(plan.promote);
        plan.rollback_to = self.rollback_to.or(plan.rollback_to);
        for (flag, timer) in [
            (self.offer_time, &mut plan.timers.offer_s),
            (self.progress_time, &mut plan.timers.in_progress_s),
            (self.lost_time, &mut plan.timers.lost_min_s),
        ] {
            *timer = flag.map_or(*timer, seconds);
        }
        Ok(plan)
    }
}

/// Reads a plan's file; JSON if its name says so, else TOML.
fn read(path: &PathBuf) -> Result<RolloutPlan, Failure> {
    let text = fs::read_to_string(path).map_err(|error| {
        Failure::new(
            Exit::Unexpected,
            "file_unreadable",
            format!("cannot read {}: {error}", path.display()),
        )
    })?;
    let is_json = path.extension().is_some_and(|end| end == "json");
    let read = if is_json {
        serde_json::from_str(&text).map_err(|error| error.to_string())
    } else {
        toml::from_str(&text).map_err(|error| error.to_string())
    };
    read.map_err(|why| {
        Failure::new(
            Exit::Usage,
            "bad_plan",
            format!("{} is no plan: {why}", path.display()),
        )
        .hint("docs/rollouts.md describes every field; an empty file is the default plan")
    })
}
