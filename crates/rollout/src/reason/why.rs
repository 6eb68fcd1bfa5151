use std::fmt;

use updraft_protocol::api::rollout::RolloutState;

use crate::plan::Outside;
use crate::window::Opening;

/// Why a rollout does not give a device its release now.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Why<'a> {
    /// The device is not of its target.
    Outside(Outside<'a>),
    /// The device has no name, and gets only what has reached everybody.
    Unnamed,
    /// It has not begun.
    NotStarted {
        /// When it does, Unix seconds.
        at: Option<i64>,
    },
    /// A person stopped it for a while.
    Paused,
    /// It is halted, for this reason.
    Halted(&'a str),
    /// It is not under way.
    Over(RolloutState),
    /// The device's wave has not come.
    WaveAhead {
        /// The device's wave.
        wave: &'a str,
        /// The wave that is open.
        open: Option<&'a str>,
        /// The earliest time of the device's wave, Unix seconds, if that is ahead.
        at: Option<i64>,
    },
    /// The device's turn has not come in the open stage.
    BeyondStage {
        /// The device's bucket.
        bucket: u16,
        /// The bound's bucket, if the stage takes anybody.
        bound: Option<u16>,
        /// The open stage.
        stage: Option<Stage<'a>>,
    },
    /// The device's maintenance window is closed.
    WindowClosed {
        /// When it opens next.
        opening: Opening,
        /// How far the device's local time is ahead of UTC, in minutes, if that is known.
        utc_offset_minutes: Option<i16>,
    },
    /// As many devices are under way as may be.
    FleetCap {
        /// So many.
        cap: u32,
    },
    /// As many devices of the site are under way as may be.
    SiteCap {
        /// So many.
        cap: u32,
        /// The site.
        site: &'a str,
    },
    /// As many devices got an offer within a minute as may.
    RateCap {
        /// So many.
        cap: u32,
        /// When all of them are a minute ago, Unix seconds.
        until: i64,
    },
}

/// A stage, as people count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stage<'a> {
    /// From 1.
    pub number: u32,
    /// Its wave's name, if there are several.
    pub wave: Option<&'a str>,
}

impl fmt::Display for Stage<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "stage {}", self.number)?;
        match self.wave {
            Some(wave) => write!(f, " of wave {wave}"),
            None => Ok(()),
        }
    }
}

impl Why<'_> {
    /// A stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Outside(_) => "outside_target",
            Self::Unnamed => "unnamed",
            Self::NotStarted { .. } => "not_started",
            Self::Paused => "paused",
            Self::Halted(_) => "halted",
            Self::Over(_) => "over",
            Self::WaveAhead { .. } => "wave_ahead",
            Self::BeyondStage { .. } => "beyond_stage",
            Self::WindowClosed { .. } => "window_closed",
            Self::FleetCap { .. } => "fleet_cap",
            Self::SiteCap { .. } => "site_cap",
            Self::RateCap { .. } => "rate_cap",
        }
    }

    /// When time alone takes the reason away, Unix seconds.
    pub const fn changes_at(&self) -> Option<i64> {
        match self {
            Self::NotStarted { at } | Self::WaveAhead { at, .. } => *at,
            Self::WindowClosed { opening, .. } => Some(opening.from),
            Self::RateCap { until, .. } => Some(*until),
            _ => None,
        }
    }
}

impl fmt::Display for Why<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Outside(outside) => write!(f, "{outside}"),
            Self::Unnamed => f.write_str(
                "a device without a name gets only what has reached everybody, and it is not completed",
            ),
            Self::NotStarted { at: Some(at) } => write!(f, "it starts at {at} (Unix)"),
            Self::NotStarted { at: None } => f.write_str("it was not started"),
            Self::Paused => f.write_str("it is paused; it goes on when somebody resumes it"),
            Self::Halted(why) => write!(
                f,
                "it is halted ({why}); it goes on when somebody resumes it with a note"
            ),
            Self::Over(state) => write!(f, "it is {state}"),
            Self::WaveAhead { wave, open, at } => {
                write!(f, "its wave {wave} has not come")?;
                match open {
                    Some(open) => write!(f, ", the open one is {open}")?,
                    None => f.write_str(", none is open")?,
                }
                match at {
                    Some(at) => write!(f, "; not before {at} (Unix)"),
                    None => f.write_str("; it comes when those before it are through"),
                }
            }
            Self::BeyondStage {
                bucket,
                bound,
                stage,
            } => {
                write!(f, "its bucket {bucket} is beyond ")?;
                match stage {
                    Some(stage) => write!(f, "{stage}'s bound")?,
                    None => f.write_str("the bound")?,
                }
                match bound {
                    Some(bound) => write!(f, " {bound}")?,
                    None => f.write_str(", which takes nobody")?,
                }
                f.write_str("; it changes when a later stage opens")
            }
            Self::WindowClosed {
                opening,
                utc_offset_minutes,
            } => {
                write!(
                    f,
                    "its maintenance window is closed and opens at {} (Unix)",
                    opening.from
                )?;
                match utc_offset_minutes {
                    Some(minutes) => write!(f, ", its own time being UTC{minutes:+} min"),
                    None => f.write_str(", its own time being unknown and taken for UTC"),
                }
            }
            Self::FleetCap { cap } => write!(
                f,
                "the most that may be under way at once are under way ({cap}); it changes when one of them ends"
            ),
            Self::SiteCap { cap, site } => write!(
                f,
                "the most that may be under way at once at site {site} are under way ({cap}); it changes when one of them ends"
            ),
            Self::RateCap { cap, until } => write!(
                f,
                "the most that may be offered it within a minute were ({cap}); it changes by {until} (Unix)"
            ),
        }
    }
}

impl fmt::Display for Outside<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said = |f: &mut fmt::Formatter<'_>, what: &str, found: Option<&str>| match found {
            Some(found) => write!(f, "its {what} {found} is not one of those it is for"),
            None => write!(
                f,
                "its {what} is not known, and it is for certain ones only"
            ),
        };
        match self {
            Self::Excluded => f.write_str("it is on the list of exclusions"),
            Self::Chip(found) => said(f, "chip", *found),
            Self::Version { wanted } => write!(f, "it is for devices that run {wanted}"),
            Self::Region(found) => said(f, "region", *found),
            Self::Site(found) => said(f, "site", *found),
            Self::Group(found) => said(f, "group", *found),
            Self::Tag(tag) => write!(f, "it lacks the tag {tag}"),
            Self::Id => f.write_str("it is not one of the devices it names"),
            Self::NotConfirmedIn(rollout) => write!(
                f,
                "it was not confirmed in rollout {rollout}, or runs something else since"
            ),
            Self::NoWave => f.write_str("none of its waves takes it"),
        }
    }
}
