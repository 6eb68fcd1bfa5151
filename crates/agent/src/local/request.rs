//! A request's head.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ops::Range;

use httparse::{EMPTY_HEADER, Error, Status};

use super::MAX_HEADERS;
use super::refusal::Refusal;

/// What a request wants done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    /// `GET`, and `HEAD`, whose answer goes without its body.
    Get,
    /// `POST`.
    Post,
    /// Any other.
    Other,
}

/// The head of a request: one copy of its bytes, and where in it what is.
#[derive(Debug)]
pub(crate) struct Request {
    bytes: Box<[u8]>,
    method: Range<usize>,
    target: Range<usize>,
    headers: Vec<(Range<usize>, Range<usize>)>,
}

/// What came of parsing what has arrived.
pub(crate) enum Parsed {
    /// More is needed.
    Partial,
    /// The head is whole and has so many bytes.
    Whole {
        /// The head.
        request: Request,
        /// Its bytes, the empty line included.
        length: usize,
    },
}

impl Request {
    /// Parses what has arrived so far.
    pub(crate) fn parse(arrived: &[u8]) -> Result<Parsed, Refusal> {
        let mut headers = [EMPTY_HEADER; MAX_HEADERS];
        let mut found = httparse::Request::new(&mut headers);
        let length = match found.parse(arrived) {
            Ok(Status::Partial) => return Ok(Parsed::Partial),
            Ok(Status::Complete(length)) => length,
            Err(Error::TooManyHeaders) => return Err(Refusal::head_too_large()),
            Err(error) => {
                return Err(Refusal::bad_request(format_args!(
                    "this is no HTTP/1.1 request: {error}"
                )));
            }
        };
        let place = |part: &[u8]| {
            let start = part.as_ptr().addr() - arrived.as_ptr().addr();
            start..start + part.len()
        };
        let request = Self {
            bytes: arrived.get(..length).unwrap_or_default().into(),
            method: place(found.method.unwrap_or_default().as_bytes()),
            target: place(found.path.unwrap_or_default().as_bytes()),
            headers: found
                .headers
                .iter()
                .map(|header| (place(header.name.as_bytes()), place(header.value)))
                .collect(),
        };
        if !request.target().starts_with('/') {
            return Err(Refusal::bad_request("the target is not a path"));
        }
        Ok(Parsed::Whole { request, length })
    }

    fn part(&self, range: &Range<usize>) -> &[u8] {
        self.bytes.get(range.clone()).unwrap_or_default()
    }

    /// The path with its query, as it came.
    pub(crate) fn target(&self) -> &str {
        core::str::from_utf8(self.part(&self.target)).unwrap_or_default()
    }

    /// What is wanted.
    pub(crate) fn method(&self) -> Method {
        match self.part(&self.method) {
            b"GET" | b"HEAD" => Method::Get,
            b"POST" => Method::Post,
            _ => Method::Other,
        }
    }

    /// Whether the answer's body is not wanted.
    pub(crate) fn is_head(&self) -> bool {
        self.part(&self.method) == b"HEAD"
    }

    /// The path, as it came, without the query.
    pub(crate) fn path(&self) -> &str {
        self.target().split('?').next().unwrap_or_default()
    }

    /// The query, without its question mark; empty if there is none.
    pub(crate) fn query(&self) -> &str {
        self.target().split_once('?').map_or("", |(_, query)| query)
    }

    /// All headers of this name, in any case.
    fn headers_named(&self, name: &'static str) -> impl Iterator<Item = &[u8]> {
        self.headers
            .iter()
            .filter(|(found, _)| self.part(found).eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| self.part(value))
    }

    /// The first header of this name, in any case; none if it is not text.
    pub(crate) fn header(&self, name: &'static str) -> Option<&str> {
        let value = self.headers_named(name).next()?;
        core::str::from_utf8(value).ok().map(str::trim)
    }

    /// The body's length, if it is told: not for a chunked one.
    pub(crate) fn content_length(&self) -> Result<Option<u32>, Refusal> {
        if self.headers_named("Transfer-Encoding").next().is_some() {
            return Ok(None);
        }
        let mut length = None;
        for value in self.headers_named("Content-Length") {
            let digits = core::str::from_utf8(value).unwrap_or_default().trim();
            let number = digits.bytes().all(|byte| byte.is_ascii_digit());
            let found = digits.parse::<u32>().ok();
            match (found, length) {
                (Some(found), None) => length = Some(found),
                (Some(found), Some(before)) if found == before => {}
                (None, _) if number && digits.len() > 9 => return Err(Refusal::too_long(digits)),
                _ => {
                    return Err(Refusal::bad_request("Content-Length is not one number"));
                }
            }
        }
        Ok(length)
    }

    /// Whether the client waits for a word before it sends its body.
    pub(crate) fn expects_continue(&self) -> bool {
        self.header("Expect")
            .is_some_and(|value| value.eq_ignore_ascii_case("100-continue"))
    }
}
