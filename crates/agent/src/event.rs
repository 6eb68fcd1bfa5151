//! What happens in an update, for whoever shows it.

use core::fmt;

use updraft_flash::slot::AppSlot;
use updraft_protocol::Bootloader;

use crate::failure::Failure;
use crate::session::Source;
use crate::slot::Target;

/// One step of the updater.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The updater started.
    Started {
        /// The running app's version.
        version: &'a str,
        /// The running slot.
        slot: AppSlot,
        /// Whether the app is on trial.
        on_trial: bool,
    },
    /// The device listens, and anybody on its network may push an app to it.
    PushOpen,
    /// Nothing will happen for a while.
    Waiting {
        /// How long, in milliseconds.
        milliseconds: u64,
    },
    /// The server answered a check-in.
    CheckedIn {
        /// The offered version, if any.
        offer: Option<&'a str>,
    },
    /// The server said over MQTT that there is something to do.
    Ordered {
        /// The offered version; none if the device was only told to ask.
        offer: Option<&'a str>,
    },
    /// Somebody brings an update.
    Begun {
        /// Who.
        source: Source,
        /// Into which slot.
        slot: Target,
    },
    /// The app that runs is on trial.
    OnTrial {
        /// Boots it has had, this one included; above `limit` when there was no other app to go back to.
        boots: u8,
        /// Boots it may have.
        limit: u8,
        /// Who takes it back if it is not confirmed.
        bootloader: Bootloader,
    },
    /// The app on trial gets one more boot, should it reset.
    Rearmed {
        /// Boots it has had, this one included.
        boots: u8,
        /// Boots it may have.
        limit: u8,
    },
    /// Somebody had the device go back to its other app.
    RollingBack,
    /// Bytes were written.
    Progress {
        /// Bytes of the image that arrived.
        received: u32,
        /// Bytes of the whole image.
        total: u32,
    },
    /// The connection was lost and will be tried again.
    Retrying {
        /// Why.
        failure: &'a Failure,
        /// After how many milliseconds.
        after_ms: u64,
    },
    /// A slot would not take what was written, whatever was tried; the update goes on in another one.
    SlotFailed {
        /// The slot that failed.
        slot: Target,
        /// The slot it goes on in.
        next: Target,
        /// Why.
        failure: &'a Failure,
    },
    /// The image was read back and is what was promised.
    Verified {
        /// Its version.
        version: &'a str,
    },
    /// The new app is whole in its slot and waits until it may be started.
    Held {
        /// Its version.
        version: &'a str,
        /// Milliseconds until its maintenance window opens; none if that is over, and the server names the next.
        opens_in_ms: Option<u64>,
    },
    /// The new app boots next.
    Activated {
        /// Its slot.
        slot: AppSlot,
    },
    /// The reset is due.
    Rebooting,
    /// The app on trial was found wanting; it has until the trial's limit to become well.
    Unwell {
        /// What is wrong.
        problem: &'a str,
    },
    /// The app on trial was well for the whole stability window and is confirmed.
    Confirmed {
        /// Its version.
        version: &'a str,
    },
    /// The last update's app was started and is gone again.
    RolledBack {
        /// Why.
        failure: &'a Failure,
    },
    /// The last update's outcome could not be handed over yet. It is kept, and sent again.
    ReportWaits {
        /// Why.
        failure: &'a Failure,
    },
    /// An update or a check-in did not work. The running app is as it was.
    Failed {
        /// Why.
        failure: &'a Failure,
    },
}

impl fmt::Display for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started {
                version,
                slot,
                on_trial,
            } => {
                let trial = if *on_trial { ", on trial" } else { "" };
                write!(f, "running {version} from {slot}{trial}")
            }
            Self::PushOpen => f.write_str(
                "WARNING: push is open, anybody on this network may update the device; set a push token",
            ),
            Self::Waiting { milliseconds } => write!(f, "next check in {} s", milliseconds / 1000),
            Self::CheckedIn { offer: None } => f.write_str("checked in: up to date"),
            Self::CheckedIn {
                offer: Some(version),
            } => write!(f, "checked in: {version} is offered"),
            Self::Ordered { offer: None } => f.write_str("told over MQTT to check in"),
            Self::Ordered {
                offer: Some(version),
            } => write!(f, "told over MQTT to install {version}"),
            Self::Begun { source, slot } => write!(f, "an update by {source} goes to {slot}"),
            Self::OnTrial {
                boots,
                limit,
                bootloader,
            } => {
                write!(f, "trial boot {boots} of {limit}; ")?;
                f.write_str(match bootloader {
                    _ if boots > limit => "there is no other app to go back to",
                    Bootloader::Rollback => "the bootloader takes it back if it is not confirmed",
                    Bootloader::NoRollback => {
                        "the bootloader does not roll back: the app goes back by itself if it is not confirmed"
                    }
                    _ => "it goes back if it is not confirmed",
                })
            }
            Self::Rearmed { boots, limit } => {
                write!(
                    f,
                    "on trial, boot {boots} of {limit}; a reset gives it the next"
                )
            }
            Self::RollingBack => f.write_str("going back to the other app, as asked"),
            Self::Progress { received, total } => write!(f, "{received} of {total} bytes"),
            Self::Retrying { failure, after_ms } => {
                write!(f, "{failure}; trying again in {} s", after_ms / 1000)
            }
            Self::SlotFailed {
                slot,
                next,
                failure,
            } => write!(f, "{slot} is given up, going on in {next}: {failure}"),
            Self::Verified { version } => write!(f, "{version} is whole and verified"),
            Self::Held {
                version,
                opens_in_ms: Some(opens),
            } => write!(
                f,
                "{version} waits for its window, which opens in {} s",
                opens / 1000
            ),
            Self::Held { version, .. } => {
                write!(f, "{version} missed its window and waits for the next")
            }
            Self::Activated { slot } => write!(f, "{slot} boots next"),
            Self::Rebooting => f.write_str("rebooting"),
            Self::Unwell { problem } => write!(f, "not well yet: {problem}"),
            Self::Confirmed { version } => write!(f, "{version} is confirmed"),
            Self::RolledBack { failure } => write!(f, "rolled back: {failure}"),
            Self::ReportWaits { failure } => write!(f, "the report waits: {failure}"),
            Self::Failed { failure } => write!(f, "update failed: {failure}"),
        }
    }
}
