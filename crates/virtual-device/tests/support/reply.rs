//! What a server says, and how it ends.

use std::borrow::Cow;

use serde::Serialize;

/// What comes after the last byte of a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    /// The connection is closed.
    Close,
    /// Nothing, for ever.
    Silence,
    /// The connection is reset.
    Reset,
}

/// The bytes of an answer.
pub(crate) struct Reply {
    pub(crate) head: Vec<u8>,
    pub(crate) body: Cow<'static, [u8]>,
    pub(crate) then: Then,
    /// Bytes a second, if they take time.
    pub(crate) pace: Option<u64>,
}

impl Reply {
    /// Bytes as they are, HTTP or not.
    pub(crate) fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            head: bytes.into(),
            body: Cow::Borrowed(&[]),
            then: Then::Close,
            pace: None,
        }
    }

    /// An answer with these header lines (each ending in CRLF) and no Content-Length but theirs.
    pub(crate) fn with_headers(
        status: &str,
        headers: &str,
        body: impl Into<Cow<'static, [u8]>>,
    ) -> Self {
        Self {
            body: body.into(),
            ..Self::raw(format!("HTTP/1.1 {status}\r\n{headers}\r\n"))
        }
    }

    /// An answer with an honest Content-Length.
    pub(crate) fn new(status: &str, headers: &str, body: impl Into<Cow<'static, [u8]>>) -> Self {
        let body = body.into();
        let headers = format!("{headers}Content-Length: {}\r\n", body.len());
        Self::with_headers(status, &headers, body)
    }

    pub(crate) fn json(body: &impl Serialize) -> Self {
        Self::new("200 OK", "", serde_json::to_vec(body).expect("JSON"))
    }

    /// The first `bytes` of the body only; the head promises them all.
    pub(crate) fn cut_to(mut self, bytes: usize) -> Self {
        let kept = bytes.min(self.body.len());
        match &mut self.body {
            Cow::Borrowed(body) => *body = &body[..kept],
            Cow::Owned(body) => body.truncate(kept),
        }
        self
    }

    /// More bytes than the head promises.
    pub(crate) fn and_more(mut self, bytes: usize) -> Self {
        let more = self.body.len() + bytes;
        self.body.to_mut().resize(more, b'!');
        self
    }

    pub(crate) fn then(self, then: Then) -> Self {
        Self { then, ..self }
    }

    pub(crate) fn at_bytes_per_second(self, bytes: u64) -> Self {
        Self {
            pace: Some(bytes),
            ..self
        }
    }
}

/// A body in chunks of 4,000 bytes.
pub(crate) fn chunks(body: &[u8]) -> Vec<u8> {
    let mut chunked = Vec::new();
    for chunk in body.chunks(4000) {
        chunked.extend(format!("{:x}\r\n", chunk.len()).bytes());
        chunked.extend(chunk);
        chunked.extend(b"\r\n");
    }
    chunked.extend(b"0\r\n\r\n");
    chunked
}
