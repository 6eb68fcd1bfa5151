use alloc::string::String;
use core::fmt;
use core::num::NonZeroU32;

use updraft_image::{Fault, FaultCode};
use updraft_protocol::ReasonCode;

/// Why something did not work: a code for machines and a sentence for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The code.
    pub reason: ReasonCode,
    /// The sentence.
    pub detail: String,
    /// After how many seconds the server wants to be asked again, if it said so (`Retry-After`).
    pub retry_after: Option<NonZeroU32>,
}

impl Failure {
    /// A failure with these words.
    pub fn new(reason: ReasonCode, detail: impl fmt::Display) -> Self {
        Self {
            reason,
            detail: alloc::format!("{detail}"),
            retry_after: None,
        }
    }

    /// Whether trying the same connection again at once may help, without giving the update up.
    pub(crate) fn is_of_the_connection(&self) -> bool {
        matches!(
            self.reason,
            ReasonCode::Unreachable | ReasonCode::ConnectionLost | ReasonCode::ServerRefused
        )
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.detail, self.reason)
    }
}

impl core::error::Error for Failure {}

/// A fault of the image as a reason for the device's report.
pub(crate) fn of_fault(fault: &Fault) -> Failure {
    let reason = match fault.code {
        FaultCode::WrongChip
        | FaultCode::ChipTooOld
        | FaultCode::ChipTooNew
        | FaultCode::EfuseBlockTooOld
        | FaultCode::EfuseBlockTooNew
        | FaultCode::UnknownChip => ReasonCode::WrongChip,
        FaultCode::SecureVersionTooLow => ReasonCode::SecureVersionTooLow,
        FaultCode::WrongProject => ReasonCode::WrongProject,
        FaultCode::TooLarge => ReasonCode::TooBig,
        // The codes are ordered by what they find out: up to here, that it is no app image at all.
        code if code <= FaultCode::MergedImage => ReasonCode::NotAnImage,
        _ => ReasonCode::ImageInvalid,
    };
    Failure::new(reason, fault)
}
