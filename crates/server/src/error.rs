//! Every error answer: a status, a stable code, a sentence, and what to do.

use std::borrow::Cow;

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use updraft_protocol::api::ErrorBody;
use updraft_store::StoreError;

use crate::answer;

pub(crate) type ApiResult<T> = Result<T, ApiError>;

/// An error answer.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    code: Cow<'static, str>,
    message: String,
    hint: Option<Cow<'static, str>>,
    retry_after: Option<u32>,
}

impl ApiError {
    pub(crate) fn new(
        status: StatusCode,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            status,
            code: code.into(),
            message: message.into(),
            hint: None,
            retry_after: None,
        }
    }

    pub(crate) fn bad_request(
        code: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    pub(crate) fn unprocessable(
        code: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, message)
    }

    pub(crate) fn not_found(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, message)
    }

    /// Something inside failed. The particulars go to the log, not to the caller.
    pub(crate) fn internal(error: &dyn std::fmt::Display) -> Self {
        tracing::error!(%error, "a request failed");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal_error",
            "the server failed at this request",
        )
        .hint("Try again; the server's log says what failed.")
    }

    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Says when to come back, in seconds.
    #[must_use]
    pub(crate) fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    pub(crate) fn code(&self) -> &str {
        &self.code
    }
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.message, self.code)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = ErrorBody {
            code: self.code.into_owned(),
            message: self.message,
            hint: self.hint.map(Cow::into_owned),
        };
        let mut response = answer::json(self.status, &body);
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, seconds.into());
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(
                WWW_AUTHENTICATE,
                HeaderValue::from_static("Bearer realm=\"updraft\""),
            );
        }
        response
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        let (status, hint) = match &error {
            StoreError::DiskFull { .. } => (
                StatusCode::INSUFFICIENT_STORAGE,
                "Free space on the server's disk and try again; nothing was stored.",
            ),
            StoreError::Unavailable(_) | StoreError::Busy(_) => {
                tracing::error!(%error, "the database failed a request");
                let message = "the server's database does not answer in time";
                return Self::new(StatusCode::SERVICE_UNAVAILABLE, error.code(), message)
                    .hint("Try again; the server's log says what failed.")
                    .retry_after(5);
            }
            StoreError::NotFound { .. } => {
                (StatusCode::NOT_FOUND, "List them to see what there is.")
            }
            StoreError::VersionExists { .. } => (
                StatusCode::CONFLICT,
                "Releases never change: build with a higher version and publish that.",
            ),
            StoreError::WrongChip { .. } => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "Publish it under a device type of the image's chip, or build for the type's chip.",
            ),
            StoreError::TooBig { .. } => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "Make the app smaller, or set the type's slot size if its devices have larger slots (updraft type set).",
            ),
            StoreError::WasOffered { .. } => (
                StatusCode::CONFLICT,
                "Block it instead: no device will get it then.",
            ),
            StoreError::AlreadyEnrolled { .. } => (
                StatusCode::CONFLICT,
                "If the device lost its token, an operator gives it a new one: updraft device enrol.",
            ),
            StoreError::Attributes(_) => (
                StatusCode::BAD_REQUEST,
                "Nothing was changed; GET /api/openapi.json describes the fields.",
            ),
            StoreError::Stale { .. } => (StatusCode::CONFLICT, "Look at it again, and try again."),
            StoreError::TokenInUse => (StatusCode::CONFLICT, "Make a new random token."),
            StoreError::LastAdmin => (StatusCode::CONFLICT, "Issue another admin token first."),
            _ => return Self::internal(&error),
        };
        Self::new(status, error.code(), error.to_string()).hint(hint)
    }
}
