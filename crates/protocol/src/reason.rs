//! Why an update did not happen: one list, used by device, server, API, pages and documentation.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! reason_codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal, $transient:literal;)+) => {
        /// A stable code for what went wrong with an update. Codes are never renamed or reused; new ones may
        /// be added, so a reader must accept [`ReasonCode::Other`].
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[non_exhaustive]
        pub enum ReasonCode {
            $($(#[doc = $doc])+ #[serde(rename = $text)] $name,)+
            /// A code this version does not know.
            #[serde(other, rename = "other")]
            Other,
        }

        impl ReasonCode {
            /// Every code this version knows, in the order of an update's stages.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The code as it is written on the wire.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                    Self::Other => "other",
                }
            }

            /// What the code means, in one sentence.
            pub const fn meaning(self) -> &'static str {
                match self {
                    $(Self::$name => concat!($($doc),+),)+
                    Self::Other => "A reason this version does not know.",
                }
            }

            /// Whether the same update may work later without anybody changing anything, so that it is worth
            /// trying again.
            pub const fn is_transient(self) -> bool {
                match self {
                    $(Self::$name => $transient,)+
                    Self::Other => false,
                }
            }
        }
    };
}

reason_codes! {
    /// The server could not be reached.
    Unreachable = "unreachable", true;
    /// The connection was cut before the last byte.
    ConnectionLost = "connection_lost", true;
    /// The download took longer than its limit.
    DownloadTimeout = "download_timeout", true;
    /// The server answered, but not with the image.
    ServerRefused = "server_refused", true;
    /// What the server sent is not what the protocol allows.
    ProtocolError = "protocol_error", true;
    /// The offer names a version that is not newer, and no downgrade was allowed.
    Downgrade = "downgrade", false;
    /// The image's secure version is below the device's.
    SecureVersionTooLow = "secure_version_too_low", false;
    /// The image does not fit into the slot.
    TooBig = "too_big", false;
    /// The image is for another chip.
    WrongChip = "wrong_chip", false;
    /// The image belongs to another project.
    WrongProject = "wrong_project", false;
    /// The image's own version is not the one that was offered.
    WrongVersion = "wrong_version", false;
    /// What arrived is not an app image.
    NotAnImage = "not_an_image", false;
    /// The image is damaged.
    ImageInvalid = "image_invalid", true;
    /// The bytes do not have the SHA-256 that was promised.
    ChecksumMismatch = "checksum_mismatch", true;
    /// What was read back from flash is not what was written.
    ReadBackMismatch = "read_back_mismatch", true;
    /// Erasing flash failed.
    EraseFailed = "erase_failed", true;
    /// Writing flash failed.
    WriteFailed = "write_failed", true;
    /// Reading flash failed.
    ReadFailed = "read_failed", true;
    /// There is no inactive slot to write to.
    NoSlot = "no_slot", false;
    /// Another update is under way.
    Busy = "busy", true;
    /// The running app is still on trial, so nothing may be installed over its way back.
    OnTrial = "on_trial", true;
    /// The boot record could not be written.
    ActivationFailed = "activation_failed", true;
    /// There is no other app that could be booted, so the device cannot go back.
    NoWayBack = "no_way_back", false;
    /// The new app was started and did not confirm itself, so the bootloader returned to the old one.
    RolledBack = "rolled_back", false;
    /// Power or the reset line failed while the new app was on trial; the app is not to blame.
    TrialInterrupted = "trial_interrupted", true;
    /// The new app ran but was not healthy within its stability window.
    Unhealthy = "unhealthy", false;
    /// The bootloader started another slot than the boot record names.
    Fallback = "fallback", false;
    /// An operator called it off.
    Cancelled = "cancelled", false;
    /// This very image was refused or rolled back here before.
    RefusedBefore = "refused_before", false;
    /// The device ran out of memory.
    NoMemory = "no_memory", true;
}

impl fmt::Display for ReasonCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ReasonCode {
    type Err = core::convert::Infallible;

    /// Unknown codes read as [`ReasonCode::Other`], so that an older server understands a newer device.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self::ALL
            .iter()
            .copied()
            .find(|code| code.as_str() == text)
            .unwrap_or(Self::Other))
    }
}
