use updraft_image::{Expect, Facts, Verifier};
use updraft_store::{Incoming, Store};

use super::Declared;
use super::declared::image_fault;
use crate::error::{ApiError, ApiResult};
use http::StatusCode;

/// Bytes gathered before they are written: one trip to the disk thread for many packets.
const BUFFER: usize = 256 * 1024;

/// A file coming in. Dropped before it is finished, it leaves nothing.
pub(crate) struct Receiver {
    incoming: Incoming,
    verifier: Verifier,
    buffer: Vec<u8>,
    received: u64,
    limit: u64,
    version_seen: bool,
}

impl Receiver {
    /// Opens a file aside.
    pub(crate) async fn begin(store: &Store, expect: Expect, limit: u64) -> ApiResult<Self> {
        let artifacts = store.artifacts().clone();
        let incoming = blocking(move || artifacts.begin()).await?;
        Ok(Self {
            incoming,
            verifier: Verifier::new(expect),
            buffer: Vec::new(),
            received: 0,
            limit,
            version_seen: false,
        })
    }

    /// Takes the next bytes. The first fault ends it, which for a wrong file is within its first 288 bytes.
    pub(crate) async fn push(mut self, bytes: &[u8], declared: &Declared) -> ApiResult<Self> {
        self.received += bytes.len() as u64;
        if self.received > self.limit {
            return Err(too_large(self.limit));
        }
        self.verifier
            .update(bytes)
            .map_err(|fault| image_fault(&fault))?;
        if !self.version_seen
            && let Some(head) = self.verifier.head()
        {
            let version = head.app.version().map_err(|fault| image_fault(&fault))?;
            declared.check_version(version)?;
            self.version_seen = true;
        }
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= BUFFER {
            self = self.flush().await?;
        }
        Ok(self)
    }

    async fn flush(self) -> ApiResult<Self> {
        blocking(move || {
            let mut this = self;
            this.incoming.write(&this.buffer)?;
            this.buffer.clear();
            Ok(this)
        })
        .await
    }

    /// The whole file, verified, and still invisible.
    pub(crate) async fn finish(self, minimum: u64) -> ApiResult<(Incoming, Facts)> {
        let this = self.flush().await?;
        let facts = this
            .verifier
            .finish()
            .map_err(|fault| image_fault(&fault))?;
        if this.received < minimum {
            return Err(ApiError::unprocessable(
                "too_small",
                format!(
                    "the file has {} bytes, less than the {minimum} that a firmware file has at least",
                    this.received
                ),
            )
            .hint("The file may be cut off; for small programs, lower the server's minimum firmware size."));
        }
        Ok((this.incoming, facts))
    }
}

/// The file is longer than any may be.
pub(crate) fn too_large(limit: u64) -> ApiError {
    ApiError::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "upload_too_large",
        format!("the file is longer than {limit} bytes"),
    )
    .hint("Give the app's own .bin file; no ESP app image is larger than 16 MiB.")
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> updraft_store::Result<T> + Send + 'static,
) -> ApiResult<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(ApiError::from),
        Err(error) => Err(ApiError::internal(&error)),
    }
}
