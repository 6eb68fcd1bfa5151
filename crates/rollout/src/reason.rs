use std::fmt;

use semver::Version;
use updraft_protocol::ReasonCode;

use crate::snapshot::Candidate;

/// One step of a decision, in the order in which the rules were applied.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason<'a> {
    /// Nothing was ever published for this device type.
    UnknownDeviceType(&'a str),
    /// The device's chip is not the one its type is for.
    WrongChip {
        /// What the device said.
        device: &'a str,
        /// What its type is for.
        device_type: &'a str,
    },
    /// The running app has not confirmed itself: nothing may be written over its way back.
    OnTrial,
    /// The device did not say what it runs, so the newest release is named and the device compares.
    VersionNotSaid,
    /// The device runs a version that cannot be compared, so nothing can be called newer.
    VersionNotComparable(&'a str),
    /// A newer release that this device does not get.
    Skipped {
        /// The release's version.
        version: &'a Version,
        /// Why not.
        why: Skip<'a>,
    },
    /// Nothing published is newer than what runs.
    UpToDate {
        /// What runs.
        running: Version,
    },
    /// This release is offered.
    Offered {
        /// The release's version.
        version: &'a Version,
    },
}

/// Why a device does not get a newer release.
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
    /// The device failed at it for a reason that does not go away by itself.
    FailedBefore(ReasonCode),
    /// The device failed at it so often that a person should look.
    NeedsAttention {
        /// How often.
        failures: u32,
    },
}

impl fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownDeviceType(name) => {
                write!(f, "nothing was ever published for device type {name}")
            }
            Self::WrongChip {
                device,
                device_type,
            } => write!(
                f,
                "the device is an {device}, its type is for {device_type}"
            ),
            Self::OnTrial => {
                f.write_str("the running app is on trial and has not confirmed itself")
            }
            Self::VersionNotSaid => f.write_str("the device did not say which version it runs"),
            Self::VersionNotComparable(found) => {
                write!(f, "the running version {found:?} is not a semantic version")
            }
            Self::Skipped { version, why } => write!(f, "{version} is newer, but {why}"),
            Self::UpToDate { running } => write!(f, "nothing published is newer than {running}"),
            Self::Offered { version } => write!(f, "{version} is offered"),
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
            Self::TooBig { size, slot } => {
                write!(f, "its {size} bytes do not fit the slot of {slot} bytes")
            }
            Self::SecureVersion { release, device } => write!(
                f,
                "its secure version {release} is below the device's {device}"
            ),
            Self::FailedBefore(code) => write!(f, "it failed here before: {code}"),
            Self::NeedsAttention { failures } => {
                write!(f, "it failed here {failures} times and needs attention")
            }
        }
    }
}

impl<'a> Reason<'a> {
    pub(crate) fn skipped(candidate: &'a Candidate, why: Skip<'a>) -> Self {
        Self::Skipped {
            version: &candidate.version,
            why,
        }
    }
}
