//! One HTTP request at a time, every wait bounded.

use alloc::string::String;
use alloc::vec::Vec;
use core::num::NonZeroU32;

use embassy_futures::select::{Either, select};
use embedded_io_async::Read;
use embedded_nal_async::{Dns, TcpConnect};
use reqwless::Error;
use reqwless::client::HttpClient;
use reqwless::headers::ContentType;
use reqwless::request::{Method, RequestBuilder};
use serde::Serialize;
use serde::de::DeserializeOwned;
use updraft_protocol::ReasonCode;
use updraft_protocol::check_in::MAX_BODY;

use crate::board::Clock;
use crate::failure::Failure;
use crate::words::plain;

/// Most bytes of a response's head: ten times what Updraft's server sends, for the proxies before it.
pub const RESPONSE_HEAD: usize = 2048;

/// Bytes held of a response: its head and the largest body the protocol allows.
pub const RESPONSE_BUFFER: usize = RESPONSE_HEAD + MAX_BODY;

/// Bytes kept of what a server says to a request it refuses.
const MAX_WORDS: usize = 200;

/// The failure of a request that did not get through.
pub(crate) fn of_network(error: &Error) -> Failure {
    use embedded_io_async::ErrorKind;
    let reason = match error {
        Error::Dns
        | Error::InvalidUrl(_)
        | Error::Network(ErrorKind::ConnectionRefused | ErrorKind::AddrNotAvailable) => {
            ReasonCode::Unreachable
        }
        Error::Codec | Error::BufferTooSmall => ReasonCode::ProtocolError,
        _ => ReasonCode::ConnectionLost,
    };
    Failure::new(reason, format_args!("the connection failed: {error:?}"))
}

/// Ends `work` after `seconds`, as a lost connection.
pub(crate) async fn within<T>(
    clock: &impl Clock,
    seconds: u32,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    match select(work, clock.sleep_ms(u64::from(seconds) * 1000)).await {
        Either::First(result) => result,
        Either::Second(()) => Err(Failure::new(
            ReasonCode::ConnectionLost,
            format_args!("the server sent nothing for {seconds} s"),
        )),
    }
}

/// The `Authorization` header's value.
pub(crate) fn bearer(token: &str) -> String {
    alloc::format!("Bearer {token}")
}

/// An answer: status and body, both as they came, and when to come back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
    /// `Retry-After`, in seconds.
    pub(crate) retry_after: Option<NonZeroU32>,
}

impl Answer {
    /// The body as JSON, if the status says success.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        self.success()?;
        serde_json::from_slice(&self.body).map_err(|error| {
            Failure::new(
                ReasonCode::ProtocolError,
                format_args!("the answer is not what was expected: {error}"),
            )
        })
    }

    /// An error for any status but 2xx, with the server's own words.
    pub(crate) fn success(&self) -> Result<(), Failure> {
        if (200..300).contains(&self.status) {
            return Ok(());
        }
        let words = plain(&String::from_utf8_lossy(&self.body), MAX_WORDS);
        Err(Failure {
            retry_after: self.retry_after,
            ..Failure::new(
                ReasonCode::ServerRefused,
                format_args!("the server answered {}: {words}", self.status),
            )
        })
    }
}

/// Sends `body` as JSON and waits for the answer.
pub(crate) async fn post_json<N: TcpConnect + Dns>(
    network: &N,
    clock: &impl Clock,
    timeout_seconds: u32,
    url: &str,
    token: Option<&str>,
    body: &impl Serialize,
) -> Result<Answer, Failure> {
    let json =
        serde_json::to_vec(body).map_err(|error| Failure::new(ReasonCode::ProtocolError, error))?;
    let authorization = token.map(bearer);
    let headers = authorization
        .as_deref()
        .map(|value| [("Authorization", value)]);
    let exchange = async {
        let mut head = alloc::vec![0; RESPONSE_HEAD];
        let mut client = HttpClient::new(network, network);
        let mut request = client
            .request(Method::POST, url)
            .await
            .map_err(|error| of_network(&error))?
            .content_type(ContentType::ApplicationJson)
            .headers(headers.as_ref().map_or(&[][..], |headers| &headers[..]))
            .body(json.as_slice());
        let response = request
            .send(&mut head)
            .await
            .map_err(|error| of_network(&error))?;
        let status = response.status.0;
        let length = response.content_length;
        let retry_after = retry_after(response.headers());
        let body = read_body(response.body().reader(), length).await?;
        Ok(Answer {
            status,
            body,
            retry_after,
        })
    };
    within(clock, timeout_seconds, exchange).await
}

/// When the server wants to be asked again, in seconds. It may say so as a date too, which needs a clock that is set;
/// that form is passed over.
fn retry_after<'a>(mut headers: impl Iterator<Item = (&'a str, &'a [u8])>) -> Option<NonZeroU32> {
    let (_, value) = headers.find(|(name, _)| name.eq_ignore_ascii_case("retry-after"))?;
    let seconds: u32 = core::str::from_utf8(value).ok()?.trim().parse().ok()?;
    // At once is a second from now.
    NonZeroU32::new(seconds.max(1))
}

/// Reads a whole body of at most [`MAX_BODY`] bytes.
///
/// Not by the HTTP library's own means: those count below zero when more bytes arrive than were announced,
/// and turn in a circle when a chunked body is cut.
async fn read_body(
    mut reader: impl Read<Error = Error>,
    length: Option<usize>,
) -> Result<Vec<u8>, Failure> {
    let too_long = || {
        Failure::new(
            ReasonCode::ProtocolError,
            format_args!("the answer has more than {MAX_BODY} bytes"),
        )
    };
    // One byte more than is allowed, if nothing was announced, tells a body that is too long.
    let expected = length.unwrap_or(MAX_BODY + 1);
    if length.is_some_and(|length| length > MAX_BODY) {
        return Err(too_long());
    }
    let mut body = alloc::vec![0; expected];
    let mut read = 0;
    while let Some(room) = body.get_mut(read..).filter(|room| !room.is_empty()) {
        match reader
            .read(room)
            .await
            .map_err(|error| of_network(&error))?
        {
            0 => break,
            count => read += count,
        }
    }
    if read > MAX_BODY {
        return Err(too_long());
    }
    if length.is_some_and(|length| read < length) {
        return Err(Failure::new(
            ReasonCode::ConnectionLost,
            format_args!("the answer ended after {read} of {expected} bytes"),
        ));
    }
    body.truncate(read);
    Ok(body)
}
