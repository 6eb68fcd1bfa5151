//! Why a device gets what it gets, in words.

mod skip;
mod why;

use std::fmt;

use semver::Version;
use updraft_protocol::api::Hold;

pub use skip::Skip;
pub use why::{Stage, Why};

use crate::window::Opening;

/// One step of a decision, in the order in which the rules were applied.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason<'a> {
    /// What is known came from elsewhere, and is too old to go by.
    SnapshotExpired {
        /// Since when, Unix seconds; 0 if nothing was ever heard.
        at: i64,
    },
    /// Nothing was ever published for this device type.
    UnknownDeviceType(&'a str),
    /// The device's chip is not the one its type is for.
    WrongChip {
        /// What the device said.
        device: &'a str,
        /// What its type is for.
        device_type: &'a str,
    },
    /// An operator holds the device.
    Held(&'a Hold),
    /// The running app has not confirmed itself: nothing may be written over its way back.
    OnTrial,
    /// The device did not say what it runs, so the newest release is named and the device compares.
    VersionNotSaid,
    /// The device runs a version that cannot be compared, so nothing can be called newer.
    VersionNotComparable(&'a str),
    /// An operator pinned the device to this version.
    Pinned(&'a str),
    /// An operator pinned the device to a version that is not published.
    PinnedToUnknown(&'a str),
    /// The device's turn has come in a rollout.
    Admitted {
        /// The rollout.
        rollout: &'a str,
        /// The device's bucket, where that decided it.
        bucket: Option<u16>,
        /// The open stage.
        stage: Option<Stage<'a>>,
    },
    /// A newer release that this device does not get.
    Skipped {
        /// The release's version.
        version: &'a Version,
        /// Why not.
        why: Skip<'a>,
    },
    /// A release that a pin or a downgrade names and this device does not get.
    NotGiven {
        /// The release's version.
        version: &'a Version,
        /// Why not.
        why: Skip<'a>,
    },
    /// Nothing published is newer than what runs.
    UpToDate {
        /// What runs.
        running: &'a str,
    },
    /// This release is offered.
    Offered {
        /// The release's version.
        version: &'a Version,
        /// When it may be activated, if not at any time.
        activate: Option<Opening>,
    },
}

impl fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SnapshotExpired { at: 0 } => {
                f.write_str("this relay has no snapshot from its primary yet")
            }
            Self::SnapshotExpired { at } => write!(
                f,
                "the snapshot this relay has from its primary expired at {at} (Unix): nothing is offered until a new one comes"
            ),
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
            Self::Held(Hold { reason, until }) => {
                write!(f, "it is held back: {reason}; ")?;
                match until {
                    Some(until) => write!(f, "until {until} (Unix), or until the hold is released"),
                    None => f.write_str("until the hold is released"),
                }
            }
            Self::OnTrial => {
                f.write_str("the running app is on trial and has not confirmed itself")
            }
            Self::VersionNotSaid => f.write_str("the device did not say which version it runs"),
            Self::VersionNotComparable(found) => {
                write!(f, "the running version {found:?} is not a semantic version")
            }
            Self::Pinned(version) => write!(f, "it is pinned to {version}"),
            Self::PinnedToUnknown(version) => write!(
                f,
                "it is pinned to {version}, which is not published: publish that or take the pin away"
            ),
            Self::Admitted {
                rollout,
                bucket,
                stage,
            } => {
                write!(f, "rollout {rollout} has reached it")?;
                if let Some(bucket) = bucket {
                    write!(f, ": its bucket {bucket} is within the bound")?;
                }
                match stage {
                    Some(stage) => write!(f, " ({stage})"),
                    None => Ok(()),
                }
            }
            Self::Skipped { version, why } => write!(f, "{version} is newer, but {why}"),
            Self::NotGiven { version, why } => write!(f, "{version} is not given: {why}"),
            Self::UpToDate { running } => write!(f, "nothing published is newer than {running}"),
            Self::Offered { version, activate } => {
                write!(f, "{version} is offered")?;
                match activate {
                    Some(opening) => write!(
                        f,
                        ", to be started from {} until {} (Unix)",
                        opening.from, opening.until
                    ),
                    None => Ok(()),
                }
            }
        }
    }
}
