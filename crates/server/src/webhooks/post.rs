//! One delivery.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::redirect::Policy;
use serde_json::json;

use super::address::{self, Careful};
use super::sign::Signer;
use crate::events::Event;

/// Time to connect, and for the whole exchange. 15 s: the convention's receivers answer first and work later.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const TIMEOUT: Duration = Duration::from_secs(15);

/// Posts deliveries. Redirects are not followed: what was agreed on is this address. Of an answer only the head is read.
#[derive(Debug, Clone)]
pub(crate) struct Poster {
    http: reqwest::Client,
}

/// What is posted.
#[derive(Debug)]
pub(crate) struct Parcel {
    /// The same at every try, so that a receiver knows what it had before.
    id: String,
    body: Vec<u8>,
}

/// Why something was not taken.
#[derive(Debug)]
pub(crate) struct NotTaken {
    /// The answer's status, if there was one.
    pub(crate) status: Option<StatusCode>,
    /// In words.
    pub(crate) error: String,
    /// Seconds that the receiver asks to be left alone.
    pub(crate) retry_after: Option<i64>,
}

impl Parcel {
    /// An event, in the convention's envelope.
    pub(crate) fn of(event: &Event) -> Self {
        Self::new(
            format!("evt_{}", event.id),
            &event.kind,
            event.at,
            &json!(event),
        )
    }

    /// Something to try a hook with.
    pub(crate) fn test(id: &str, now: i64) -> Self {
        Self::new(format!("test_{id}"), "webhook.test", now, &json!({}))
    }

    fn new(id: String, kind: &str, at: i64, data: &serde_json::Value) -> Self {
        let seconds = Duration::from_secs(at.max(0).unsigned_abs());
        let time = humantime::format_rfc3339_seconds(std::time::UNIX_EPOCH + seconds);
        let body = json!({ "type": kind, "timestamp": time.to_string(), "data": data });
        Self {
            id,
            body: body.to_string().into_bytes(),
        }
    }
}

impl Poster {
    /// One for all hooks.
    pub(crate) fn new() -> Result<Self, reqwest::Error> {
        // Fails only where a provider is installed already, which is then used.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .user_agent(concat!("updraft/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT)
            .redirect(Policy::none())
            // A proxy would resolve names its own way.
            .no_proxy()
            .dns_resolver(Arc::new(Careful))
            .build()?;
        Ok(Self { http })
    }

    /// Posts a parcel, signed now.
    pub(crate) async fn post(
        &self,
        url: &str,
        secret: &str,
        parcel: &Parcel,
        now: i64,
    ) -> Result<StatusCode, NotTaken> {
        let refused = |error: String| NotTaken {
            status: None,
            error,
            retry_after: None,
        };
        let url = address::check(url).map_err(|error| refused(error.to_string()))?;
        let signature = Signer::new(secret)
            .ok()
            .and_then(|signer| signer.sign(&parcel.id, now, &parcel.body))
            .ok_or_else(|| refused("the secret is none".to_owned()))?;
        let request = self
            .http
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", &parcel.id)
            .header("webhook-timestamp", now)
            .header("webhook-signature", signature)
            .body(parcel.body.clone());
        let response = request
            .send()
            .await
            .map_err(|error| refused(cause(&error)))?;
        let status = response.status();
        if status.is_success() {
            return Ok(status);
        }
        let asked = response.headers().get(RETRY_AFTER);
        Err(NotTaken {
            status: Some(status),
            error: format!("the receiver answered {status}"),
            retry_after: asked.and_then(|asked| asked.to_str().ok()?.parse().ok()),
        })
    }
}

/// The innermost cause: the outermost says no more than that sending failed.
fn cause(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return format!("no answer within {} s", TIMEOUT.as_secs());
    }
    let mut last: &dyn std::error::Error = error;
    while let Some(cause) = last.source() {
        last = cause;
    }
    last.to_string()
}
