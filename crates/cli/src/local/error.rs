//! What can go wrong between here and a device.

use std::io;
use std::net::SocketAddr;

use hyper::StatusCode;
use updraft_protocol::ReasonCode;
use updraft_protocol::local::LocalAnswer;

use super::Answer;
use crate::error::Failure;
use crate::exit::Exit;

/// A request that came to nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LocalError {
    /// The host is none.
    #[error("{host:?} is not a device's name or address: {reason}")]
    Address { host: String, reason: &'static str },
    /// The name stands for nothing.
    #[error("cannot find {host}: {source}")]
    Unknown { host: String, source: io::Error },
    /// No connection.
    #[error("{device} cannot be reached: {source}")]
    Unreachable {
        device: SocketAddr,
        source: io::Error,
    },
    /// No answer in time.
    #[error("{device} did not answer in time")]
    Timeout { device: SocketAddr },
    /// The connection ended within an exchange.
    #[error("{device} cut the connection: {reason}")]
    Cut { device: SocketAddr, reason: String },
    /// An answer Updraft's devices do not give.
    #[error("{device} answered {status} with something that is not a device's status")]
    Foreign {
        device: SocketAddr,
        status: StatusCode,
    },
}

const REACH_HINT: &str = "is it on, in this network, and updates by HTTP enabled? The port is set with --port; list the devices of this network with: updraft discover";

/// What to do where a device asks for a token.
pub(crate) const TOKEN_HINT: &str = "give the device's token by --token-file or UPDRAFT_PUSH_TOKEN";

/// Most characters that are shown of an answer that is not the device's own.
const MAX_WORDS: usize = 200;

impl From<LocalError> for Failure {
    fn from(error: LocalError) -> Self {
        let message = error.to_string();
        match error {
            LocalError::Address { .. } => Self::new(Exit::Usage, "host", message)
                .hint("write garden, garden.local, 192.0.2.7, or either with :3232 behind it"),
            LocalError::Unknown { .. } => Self::new(Exit::Unreachable, "unknown_host", message)
                .hint("give its IP address, or list the devices of this network with: updraft discover"),
            LocalError::Unreachable { .. } | LocalError::Cut { .. } => {
                Self::new(Exit::Unreachable, "unreachable", message).hint(REACH_HINT)
            }
            LocalError::Timeout { .. } => {
                Self::new(Exit::Unreachable, "timeout", message).hint(REACH_HINT)
            }
            LocalError::Foreign { .. } => Self::new(Exit::Unreachable, "not_updraft", message)
                .hint("is another program listening there? The port is set with --port; a device without Updraft may take updraft espota"),
        }
    }
}

/// A device's refusal in its own words.
pub(crate) fn refused(device: &str, answer: &Answer) -> Failure {
    let status = answer.status;
    let Ok(said) = serde_json::from_slice::<LocalAnswer>(&answer.body) else {
        let text = String::from_utf8_lossy(&answer.body);
        let words = match text.lines().next().unwrap_or_default().trim() {
            "" => String::new(),
            line => format!(": {}", line.chars().take(MAX_WORDS).collect::<String>()),
        };
        let exit = exit_of(status, ReasonCode::Other);
        return Failure::new(
            exit,
            "refused",
            format!("{device} answered {status}{words}"),
        );
    };
    let reason = said.code.parse().unwrap_or(ReasonCode::Other);
    let hint = match said.code.as_str() {
        "push_token_wrong" => Some(
            "check --token-file or UPDRAFT_PUSH_TOKEN: it must be the token set on this device",
        ),
        "push_token_missing" => Some(TOKEN_HINT),
        _ => None,
    };
    Failure {
        hint: hint.map(str::to_owned),
        ..Failure::new(
            exit_of(status, reason),
            said.code,
            format!("{device} says: {}", said.message),
        )
    }
}

/// The exit code for an answer. What went wrong is told by the reason; who is to blame, where there is none, by HTTP.
pub(crate) fn exit_of(status: StatusCode, reason: ReasonCode) -> Exit {
    match reason {
        ReasonCode::EraseFailed
        | ReasonCode::WriteFailed
        | ReasonCode::ReadFailed
        | ReasonCode::ReadBackMismatch
        | ReasonCode::ActivationFailed
        | ReasonCode::NoMemory => return Exit::Failed,
        ReasonCode::ConnectionLost | ReasonCode::DownloadTimeout => return Exit::Unreachable,
        ReasonCode::Other => {}
        _ => return Exit::Refused,
    }
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Exit::Config,
        StatusCode::REQUEST_TIMEOUT => Exit::Unreachable,
        status if status.is_client_error() => Exit::Refused,
        _ => Exit::Failed,
    }
}
