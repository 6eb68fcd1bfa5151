//! What can go wrong between here and the server.

use reqwest::StatusCode;
use updraft_protocol::api::ErrorBody;

use crate::error::Failure;
use crate::exit::Exit;

/// A request that came to nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    /// The address is none.
    #[error("{url:?} is not a server's address: {reason}")]
    Address { url: String, reason: String },
    /// The HTTP client could not be set up.
    #[error("the HTTP client could not be set up: {}", chain(.0))]
    Setup(reqwest::Error),
    /// No answer.
    #[error("{server} cannot be reached: {}", chain(.source))]
    Unreachable {
        server: String,
        source: reqwest::Error,
    },
    /// The server is not who it says, as far as this machine knows.
    #[error("the certificate of {server} is not trusted: {reason}")]
    Certificate { server: String, reason: String },
    /// No answer in time.
    #[error("{server} did not answer in time")]
    Timeout { server: String },
    /// The server's own refusal.
    #[error("{}", .body.message)]
    Refused { status: StatusCode, body: ErrorBody },
    /// An answer Updraft's server does not give.
    #[error("{server} answered {status} with something that is not Updraft's")]
    Foreign { server: String, status: StatusCode },
    /// The file changed or vanished while it was sent.
    #[error("{file} could not be read while it was sent: {source}")]
    File {
        file: String,
        source: std::io::Error,
    },
}

/// An error with its causes: the outermost alone says no more than "error sending request".
fn chain(error: &reqwest::Error) -> String {
    let mut last: &dyn std::error::Error = error;
    while let Some(cause) = last.source() {
        last = cause;
    }
    last.to_string()
}

/// Why TLS did not trust the server's certificate, if that is what failed.
fn certificate_fault(error: &reqwest::Error) -> Option<String> {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(rustls::Error::InvalidCertificate(fault)) = error.downcast_ref() {
            return Some(fault.to_string());
        }
        // As its source, an I/O error gives that of what it wraps, and not what it wraps.
        let wrapped = error
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref);
        cause = match wrapped {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}

impl ApiError {
    /// A request that got no answer.
    pub(super) fn unanswered(server: &str, error: reqwest::Error) -> Self {
        let server = server.to_owned();
        if error.is_timeout() {
            return Self::Timeout { server };
        }
        match certificate_fault(&error) {
            Some(reason) => Self::Certificate { server, reason },
            None => Self::Unreachable {
                server,
                // The address is in the message already.
                source: error.without_url(),
            },
        }
    }

    /// Whether the server says that it does not have what was asked for.
    pub(crate) fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused { status, .. } if *status == StatusCode::NOT_FOUND)
    }
}

/// The exit code for a status the server refused with.
fn exit_of(status: StatusCode) -> Exit {
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Exit::Config,
        StatusCode::NOT_FOUND | StatusCode::GONE => Exit::NotFound,
        StatusCode::REQUEST_TIMEOUT
        | StatusCode::TOO_MANY_REQUESTS
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::GATEWAY_TIMEOUT => Exit::Unreachable,
        status if status.is_client_error() => Exit::Refused,
        _ => Exit::Unexpected,
    }
}

const REACH_HINT: &str = "is it running, and is --server or UPDRAFT_SERVER right? Start one with: updraft serve --data DIR";
const UNAUTHORIZED_HINT: &str = "give a token by UPDRAFT_TOKEN_FILE or --token-file; the server's first is in admin-token under its data folder";
const FORBIDDEN_HINT: &str = "this token's role does not allow it; ask an administrator for another with: updraft token issue";

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        let message = error.to_string();
        match error {
            ApiError::Address { .. } => Self::new(Exit::Config, "server_address", message)
                .hint("write it as http://host:port or https://host"),
            ApiError::Setup(_) => Self::new(Exit::Unexpected, "http_client", message),
            ApiError::Unreachable { .. } => {
                Self::new(Exit::Unreachable, "unreachable", message).hint(REACH_HINT)
            }
            ApiError::Certificate { .. } => Self::new(Exit::Config, "certificate", message)
                .hint("make this machine trust the authority that signed it, or name its file in SSL_CERT_FILE"),
            ApiError::Timeout { .. } => Self::new(Exit::Unreachable, "timeout", message)
                .hint("try again; what was published twice is published once"),
            ApiError::Refused { status, body } => {
                let hint = body.hint.or_else(|| match status {
                    StatusCode::UNAUTHORIZED => Some(UNAUTHORIZED_HINT.to_owned()),
                    StatusCode::FORBIDDEN => Some(FORBIDDEN_HINT.to_owned()),
                    _ => None,
                });
                Self {
                    hint,
                    ..Self::new(exit_of(status), body.code, message)
                }
            }
            ApiError::Foreign { status, .. } => {
                let exit = match exit_of(status) {
                    // A stranger's 404 or 200 says nothing about what was asked for.
                    Exit::Unreachable => Exit::Unreachable,
                    _ => Exit::Config,
                };
                Self::new(exit, "not_updraft", message)
                    .hint("check --server: is another program, or a proxy, listening there?")
            }
            ApiError::File { .. } => Self::new(Exit::Unexpected, "file_unreadable", message)
                .hint("publish a file that nothing else is writing to"),
        }
    }
}
