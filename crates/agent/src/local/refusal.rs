//! Why a request was refused, and with which status.

use alloc::format;
use alloc::string::String;
use core::fmt;

use updraft_protocol::ReasonCode;
use updraft_protocol::local::LocalAnswer;

use super::response::Response;
use super::{HEAD, HEAD_MS, MAX_HEADERS};
use crate::failure::Failure;

/// A refusal: a status, a code for machines, a sentence for people.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: u16,
    code: &'static str,
    message: String,
    header: Option<(&'static str, &'static str)>,
    /// Whether an update failed that had begun, which the LEDs show.
    pub(crate) blinks: bool,
}

/// The status of each reason. What is wrong with the image itself is 422, so that 400 always means the request.
///
/// | status | reasons |
/// |---|---|
/// | 400 | `protocol_error` |
/// | 408 | `connection_lost`, `download_timeout` |
/// | 409 | `busy`, `on_trial`, `downgrade`, `no_way_back`, `fallback`, `cancelled` |
/// | 413 | `too_big` |
/// | 422 | `not_an_image`, `image_invalid`, `wrong_chip`, `wrong_project`, `wrong_version`, `checksum_mismatch`, `secure_version_too_low`, `refused_before` |
/// | 500 | `erase_failed`, `write_failed`, `read_failed`, `read_back_mismatch`, `activation_failed`, and any other |
/// | 507 | `no_slot`, `no_memory` |
const fn status_of(reason: ReasonCode) -> u16 {
    match reason {
        ReasonCode::ProtocolError => 400,
        ReasonCode::ConnectionLost | ReasonCode::DownloadTimeout => 408,
        ReasonCode::Busy
        | ReasonCode::OnTrial
        | ReasonCode::Downgrade
        | ReasonCode::NoWayBack
        | ReasonCode::Fallback
        | ReasonCode::Cancelled => 409,
        ReasonCode::TooBig => 413,
        ReasonCode::NotAnImage
        | ReasonCode::ImageInvalid
        | ReasonCode::WrongChip
        | ReasonCode::WrongProject
        | ReasonCode::WrongVersion
        | ReasonCode::ChecksumMismatch
        | ReasonCode::SecureVersionTooLow
        | ReasonCode::RefusedBefore => 422,
        ReasonCode::NoSlot | ReasonCode::NoMemory => 507,
        _ => 500,
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self {
            status: status_of(failure.reason),
            code: failure.reason.as_str(),
            message: failure.detail,
            header: None,
            blinks: false,
        }
    }
}

impl Refusal {
    /// A refusal with these words.
    pub(crate) fn new(status: u16, code: &'static str, message: impl fmt::Display) -> Self {
        Self {
            status,
            code,
            message: format!("{message}"),
            header: None,
            blinks: false,
        }
    }

    /// The same with a header.
    pub(crate) fn with_header(mut self, name: &'static str, value: &'static str) -> Self {
        self.header = Some((name, value));
        self
    }

    /// The refusal of an update that had begun.
    pub(crate) fn of_update(failure: Failure) -> Self {
        Self {
            blinks: true,
            ..failure.into()
        }
    }

    pub(crate) fn bad_request(message: impl fmt::Display) -> Self {
        Self::new(400, "bad_request", message)
    }

    pub(crate) fn head_too_large() -> Self {
        Self::new(
            431,
            "head_too_large",
            format_args!(
                "the request's head has more than {HEAD} bytes or {MAX_HEADERS} headers; send fewer (cookies?)"
            ),
        )
    }

    pub(crate) fn head_timeout() -> Self {
        Self::new(
            408,
            "head_timeout",
            format_args!(
                "the request's head was not whole after {} s",
                HEAD_MS / 1000
            ),
        )
    }

    pub(crate) fn too_long(digits: &str) -> Self {
        Self::new(
            413,
            ReasonCode::TooBig.as_str(),
            format_args!("{digits} bytes are more than any slot takes"),
        )
    }

    pub(crate) fn length_required() -> Self {
        Self::new(
            411,
            "length_required",
            "an upload needs Content-Length and must not be chunked; curl sends it with --data-binary @FILE",
        )
    }

    pub(crate) fn not_found(path: &str) -> Self {
        Self::new(
            404,
            "not_found",
            format_args!("there is nothing at {path}; the device's page is at /"),
        )
    }

    pub(crate) fn method(allow: &'static str) -> Self {
        Self::new(
            405,
            "method_not_allowed",
            format_args!("only {allow} works here"),
        )
        .with_header("Allow", allow)
    }

    /// The answer.
    pub(crate) fn response(&self) -> Response<'static> {
        let answer = LocalAnswer {
            code: self.code.into(),
            message: self.message.clone(),
        };
        let mut response = Response::json(self.status, &answer);
        response.header = self.header;
        response
    }
}
