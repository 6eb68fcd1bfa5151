//! Sending a file to a device, and hearing what it says before the file is through.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, Stream};
use http_body_util::StreamBody;
use hyper::StatusCode;
use hyper::body::Frame;
use hyper::ext::on_informational;
use hyper::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, HeaderValue};
use tokio::sync::Notify;
use tokio::time::timeout;
use updraft_protocol::Digest;

use super::{Local, LocalError};

/// How much is handed to the connection at a time: little beside a whole image, so that what is counted as sent is
/// about what was sent.
const PIECE: usize = 4096;

/// How long to wait for `100 Continue` before the file is sent all the same, as servers that do not know it never
/// say it (RFC 9110, 10.1.1). curl waits as long.
const EXPECT_WAIT: Duration = Duration::from_secs(1);

/// A file on its way to a device.
#[derive(Debug, Clone)]
pub(crate) struct Upload {
    /// Where to, such as `/update`.
    pub(crate) path: &'static str,
    /// The file.
    pub(crate) content: Bytes,
    /// Its SHA-256, which the device compares.
    pub(crate) sha256: Digest,
    /// Whether a version lower than the running one is meant.
    pub(crate) allow_downgrade: bool,
}

/// What the device said of an upload.
#[derive(Debug)]
pub(crate) struct Answer {
    /// HTTP's verdict.
    pub(crate) status: StatusCode,
    /// The words.
    pub(crate) body: Bytes,
}

impl Local {
    /// Sends a file and reads the device's answer, which may come before all of it is sent. `sent` counts the bytes
    /// handed to the connection.
    pub(crate) async fn upload(
        &self,
        upload: &Upload,
        sent: Arc<AtomicU64>,
    ) -> Result<Answer, LocalError> {
        let go = Arc::new(Notify::new());
        let body = StreamBody::new(pieces(upload.content.clone(), Arc::clone(&go), sent));
        let mut request = self
            .request("POST", upload.path)
            .header(CONTENT_TYPE, "application/octet-stream")
            .header(CONTENT_LENGTH, upload.content.len())
            .header(EXPECT, "100-continue")
            .header("X-Sha256", upload.sha256.to_string());
        if upload.allow_downgrade {
            request = request.header("X-Allow-Downgrade", "1");
        }
        if let Some(token) = &self.token
            && let Ok(mut value) = HeaderValue::from_str(&format!("Bearer {}", token.expose()))
        {
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        let mut request = request.body(body).map_err(|error| self.cut(&error))?;
        on_informational(&mut request, move |_| go.notify_one());
        let mut sender = self.connect().await?;
        let answer = sender.send_request(request).await;
        let answer = answer.map_err(|error| self.cut(&error))?;
        let status = answer.status();
        // A device that resets its connection behind a short answer has still said what it thinks.
        let body = match self.read(answer).await {
            Ok((_, body)) => body,
            Err(_) => Bytes::new(),
        };
        Ok(Answer { status, body })
    }
}

/// The file in pieces, once the device wants it or has not said in time that it does not.
fn pieces(
    content: Bytes,
    go: Arc<Notify>,
    sent: Arc<AtomicU64>,
) -> impl Stream<Item = Result<Frame<Bytes>, Infallible>> + Send {
    stream::unfold((content, Some(go), sent), |(mut content, go, sent)| async {
        if let Some(go) = go {
            // Either way it is sent now.
            let _ = timeout(EXPECT_WAIT, go.notified()).await;
        }
        if content.is_empty() {
            return None;
        }
        let piece = content.split_to(content.len().min(PIECE));
        sent.fetch_add(piece.len() as u64, Ordering::Relaxed);
        Some((Ok(Frame::data(piece)), (content, None, sent)))
    })
}
