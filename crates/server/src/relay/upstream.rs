//! A relay's requests to its primary.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _};
use http::StatusCode;
use http::header::{ETAG, IF_NONE_MATCH, IF_RANGE, RANGE};
use reqwest::{Client, RequestBuilder, Response};
use serde::Deserialize;
use updraft_protocol::Digest;
use updraft_protocol::api::ErrorBody;
use updraft_protocol::api::relay::{RelayReceipt, RelayWords};
use updraft_protocol::check_in::MAX_BODY;

use super::{PublicKey, RelayConfig, RelayError};

/// Time to connect. 10 s: several lost packets on a bad link.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The longest pause in an answer. 30 s: a primary that thinks longer is as good as away.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// Largest snapshot in bytes: four times what the primary's limit of devices comes to.
const MAX_SNAPSHOT: usize = 64 * 1024 * 1024;

/// Largest other answer in bytes.
const MAX_ANSWER: usize = 64 * 1024;

/// The primary.
#[derive(Debug)]
pub(crate) struct Upstream {
    http: Client,
    base: String,
    token: String,
    site: Option<String>,
}

/// A snapshot as it came.
#[derive(Debug)]
pub(super) struct Fetched {
    pub(super) etag: Option<String>,
    pub(super) bytes: Bytes,
}

/// An answer to a device's request that was passed on.
#[derive(Debug)]
pub(crate) struct PassedOn {
    /// Its status.
    pub(crate) status: StatusCode,
    /// Its JSON body.
    pub(crate) body: Bytes,
}

#[derive(Deserialize)]
struct Key {
    key: String,
}

fn unreachable(error: &reqwest::Error) -> RelayError {
    // The outermost error says only that there is one.
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    RelayError::Unreachable(text)
}

impl Upstream {
    /// A client for this primary. No request is made yet.
    pub(crate) fn new(config: &RelayConfig) -> Result<Self, RelayError> {
        // Twice is no harm: whoever starts this server may have one already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            // A redirect would take the token elsewhere.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| unreachable(&error))?;
        Ok(Self {
            http,
            base: config.upstream.clone(),
            token: config.token.clone(),
            site: config.site.clone(),
        })
    }

    /// Its address.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    fn get(&self, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.base);
        self.http.get(url).bearer_auth(&self.token)
    }

    fn post(&self, path: &str, body: Vec<u8>) -> RequestBuilder {
        let url = format!("{}{path}", self.base);
        let json = (http::header::CONTENT_TYPE, "application/json");
        self.http.post(url).header(json.0, json.1).body(body)
    }

    /// The public key that its snapshots are signed by.
    pub(super) async fn key(&self) -> Result<PublicKey, RelayError> {
        let answer = ask(self.get("/api/relay/key")).await?;
        let bytes = whole(answer, MAX_ANSWER).await?;
        let key: Key = read(&bytes)?;
        key.key
            .parse()
            .map_err(|error: super::UnreadableKey| RelayError::Unreadable(error.to_string()))
    }

    /// The newest snapshot, unless it is the one with this entity tag.
    pub(super) async fn snapshot(
        &self,
        known: Option<&str>,
    ) -> Result<Option<Fetched>, RelayError> {
        let mut request = self.get("/api/relay/snapshot");
        if let Some(site) = &self.site {
            request = request.query(&[("site", site)]);
        }
        if let Some(known) = known {
            request = request.header(IF_NONE_MATCH, known);
        }
        let answer = ask(request).await?;
        if answer.status() == StatusCode::NOT_MODIFIED {
            return Ok(None);
        }
        let etag = answer.headers().get(ETAG);
        let etag = etag.and_then(|etag| etag.to_str().ok()).map(str::to_owned);
        let bytes = whole(answer, MAX_SNAPSHOT).await?;
        Ok(Some(Fetched { etag, bytes }))
    }

    /// Tells words.
    pub(super) async fn tell(&self, words: &RelayWords) -> Result<RelayReceipt, RelayError> {
        let body =
            serde_json::to_vec(words).map_err(|error| RelayError::Unreadable(error.to_string()))?;
        let request = self.post("/api/relay/words", body);
        let answer = ask(request.bearer_auth(&self.token)).await?;
        read(&whole(answer, MAX_ANSWER).await?)
    }

    /// A release's file, from this byte on; whether it begins there, or at its beginning after all.
    pub(super) async fn file(
        &self,
        sha256: Digest,
        from: u64,
    ) -> Result<
        (
            bool,
            impl Stream<Item = Result<Bytes, RelayError>> + Unpin + use<>,
        ),
        RelayError,
    > {
        let mut request = self.get(&format!("/api/relay/artifacts/{sha256}"));
        if from > 0 {
            request = request
                .header(RANGE, format!("bytes={from}-"))
                .header(IF_RANGE, format!("\"{sha256}\""));
        }
        let answer = ask(request).await?;
        let goes_on = answer.status() == StatusCode::PARTIAL_CONTENT;
        let stream = answer.bytes_stream();
        let stream = stream.map(|piece| piece.map_err(|error| unreachable(&error)));
        Ok((goes_on, stream))
    }

    /// Passes a device's enrolment on. Its answer is the primary's, whatever it says.
    pub(crate) async fn enrol(&self, body: Vec<u8>) -> Result<PassedOn, RelayError> {
        let answer = self
            .post("/api/devices/enrol", body)
            .send()
            .await
            .map_err(|error| unreachable(&error))?;
        let status = answer.status();
        let body = whole(answer, MAX_BODY).await?;
        Ok(PassedOn { status, body })
    }
}

/// Sends a request; an answer that is no success is an error.
async fn ask(request: RequestBuilder) -> Result<Response, RelayError> {
    let answer = request.send().await.map_err(|error| unreachable(&error))?;
    let status = answer.status();
    if status.is_success() || status == StatusCode::NOT_MODIFIED {
        return Ok(answer);
    }
    let body = whole(answer, MAX_ANSWER).await.unwrap_or_default();
    let said: Option<ErrorBody> = serde_json::from_slice(&body).ok();
    let (code, message) = said.map_or_else(
        || ("no_code".to_owned(), "no reason given".to_owned()),
        |said| (said.code, said.message),
    );
    // A proxy in front of a primary that is away answers for it.
    if status.is_server_error() && code == "no_code" {
        return Err(RelayError::Unreachable(format!("it answered {status}")));
    }
    Err(RelayError::Refused {
        status: status.as_u16(),
        code,
        message,
    })
}

/// A whole body of at most so many bytes.
async fn whole(answer: Response, limit: usize) -> Result<Bytes, RelayError> {
    let mut stream = answer.bytes_stream();
    let mut bytes = BytesMut::new();
    while let Some(piece) = stream.next().await {
        let piece = piece.map_err(|error| unreachable(&error))?;
        if bytes.len() + piece.len() > limit {
            return Err(RelayError::Unreadable(format!(
                "it is longer than {limit} bytes"
            )));
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes.freeze())
}

fn read<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, RelayError> {
    serde_json::from_slice(bytes).map_err(|error| RelayError::Unreadable(error.to_string()))
}
