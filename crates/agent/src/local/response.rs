//! An answer.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write as _;

use serde::Serialize;
use updraft_protocol::local::LocalAnswer;

/// An answer: a status, one or two headers of its own, and a body.
#[derive(Debug)]
pub(crate) struct Response<'b> {
    /// The status.
    pub(crate) status: u16,
    /// The body's type.
    pub(crate) content_type: &'static str,
    /// The body.
    pub(crate) body: Cow<'b, [u8]>,
    /// A header besides, name and value.
    pub(crate) header: Option<(&'static str, &'static str)>,
}

impl Response<'_> {
    /// JSON that was made already.
    pub(crate) fn json_text(status: u16, json: Vec<u8>) -> Self {
        Self {
            status,
            content_type: "application/json",
            body: Cow::Owned(json),
            header: None,
        }
    }

    /// This value as JSON.
    pub(crate) fn json(status: u16, value: &impl Serialize) -> Self {
        // What is answered are structs of strings and numbers, which always make JSON.
        Self::json_text(status, serde_json::to_vec(value).unwrap_or_default())
    }

    /// That it was done, in words.
    pub(crate) fn done(message: String) -> Self {
        let code = "ok".into();
        Self::json(200, &LocalAnswer { code, message })
    }

    /// The status line and the headers. Nothing is to be kept by caches, guessed at, or shown in another site's frame.
    pub(crate) fn head(&self) -> String {
        let mut head = format!(
            "HTTP/1.1 {} {}\r\nConnection: close\r\nContent-Type: {}\r\nContent-Length: {}\r\n\
             Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nX-Frame-Options: DENY\r\n",
            self.status,
            phrase(self.status),
            self.content_type,
            self.body.len(),
        );
        if let Some((name, value)) = self.header {
            // Writing to a String cannot fail.
            let _ = write!(head, "{name}: {value}\r\n");
        }
        head.push_str("\r\n");
        head
    }
}

/// The words beside a status (RFC 9110, section 15), for people who read the wire.
const fn phrase(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        409 => "Conflict",
        411 => "Length Required",
        413 => "Content Too Large",
        422 => "Unprocessable Content",
        431 => "Request Header Fields Too Large",
        507 => "Insufficient Storage",
        _ => "Internal Server Error",
    }
}
