use std::fmt;

use semver::{Version, VersionReq};
use updraft_protocol::ReasonCode;

use super::Why;

/// Why a device does not get a release.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Skip<'a> {
    /// It is blocked, for this reason.
    Blocked(&'a str),
    /// It is in testing and the device's channel does not point at it.
    Testing {
        /// The channel the device follows.
        channel: &'a str,
    },
    /// It is deprecated.
    Deprecated,
    /// It is lower than what runs, and nobody said that the device may go down.
    Downgrade,
    /// It does not fit into the device's slot.
    TooBig {
        /// Its size in bytes.
        size: u32,
        /// The slot's size in bytes.
        slot: u32,
    },
    /// The device's secure version is higher.
    SecureVersion {
        /// The release's.
        release: u32,
        /// The device's.
        device: u32,
    },
    /// It can only be installed over certain versions.
    From(&'a VersionReq),
    /// Another release has to be installed first.
    SteppingStone(&'a Version),
    /// The device failed at it for a reason that does not go away by itself.
    FailedBefore(ReasonCode),
    /// The device failed at it so often that a person should look.
    NeedsAttention {
        /// How often.
        failures: u32,
    },
    /// The device failed at it and waits before it tries again.
    BackOff {
        /// How often.
        failures: u32,
        /// Why, the last time.
        reason: ReasonCode,
        /// Until when, Unix seconds.
        until: i64,
    },
    /// A rollout does not give it to the device now.
    Rollout {
        /// The rollout.
        rollout: &'a str,
        /// Why.
        why: Why<'a>,
    },
}

impl Skip<'_> {
    /// A stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Blocked(_) => "blocked",
            Self::Testing { .. } => "testing",
            Self::Deprecated => "deprecated",
            Self::Downgrade => "downgrade",
            Self::TooBig { .. } => "too_big",
            Self::SecureVersion { .. } => "secure_version",
            Self::From(_) => "from_versions",
            Self::SteppingStone(_) => "stepping_stone",
            Self::FailedBefore(_) => "failed_before",
            Self::NeedsAttention { .. } => "needs_attention",
            Self::BackOff { .. } => "back_off",
            Self::Rollout { why, .. } => why.code(),
        }
    }

    /// When time alone takes the reason away, Unix seconds.
    pub const fn changes_at(&self) -> Option<i64> {
        match self {
            Self::BackOff { until, .. } => Some(*until),
            Self::Rollout { why, .. } => why.changes_at(),
            _ => None,
        }
    }
}

impl fmt::Display for Skip<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Blocked(reason) => write!(f, "blocked: {reason}"),
            Self::Testing { channel } => {
                write!(f, "in testing, and channel {channel} does not point at it")
            }
            Self::Deprecated => f.write_str("deprecated"),
            Self::Downgrade => f.write_str(
                "it is lower than what runs, and nobody said that the device may go down",
            ),
            Self::TooBig { size, slot } => {
                write!(f, "its {size} bytes do not fit the slot of {slot} bytes")
            }
            Self::SecureVersion { release, device } => write!(
                f,
                "its secure version {release} is below the device's {device}"
            ),
            Self::From(wanted) => write!(f, "it installs only over {wanted}"),
            Self::SteppingStone(version) => write!(f, "{version} has to be installed first"),
            Self::FailedBefore(code) => write!(f, "it failed here before: {code}"),
            Self::NeedsAttention { failures } => {
                write!(f, "it failed here {failures} times and needs attention")
            }
            Self::BackOff {
                failures,
                reason,
                until,
            } => write!(
                f,
                "it failed here {failures} times, the last time with {reason}, and is tried again from {until} (Unix)"
            ),
            Self::Rollout { rollout, why } => write!(f, "rollout {rollout}: {why}"),
        }
    }
}
