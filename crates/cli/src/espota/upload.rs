//! The file over the device's connection: a piece, a count, and at last the verdict.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use updraft_protocol::espota::transfer::{Heard, Listener};
use updraft_protocol::espota::{CHUNK, VERDICT_TIMEOUT_MS};

use super::EspotaError;
use crate::progress::Transfer;

/// How long the rest of a complaint is waited for once it began.
const COMPLAINT: Duration = Duration::from_secs(1);

/// Sends the file and waits for the device's yes.
pub(super) async fn upload(
    stream: TcpStream,
    content: &[u8],
    patience: Duration,
    progress: &Transfer,
) -> Result<(), EspotaError> {
    let mut upload = Upload {
        stream,
        listener: Listener::new(),
        progress,
        size: content.len(),
        sent: 0,
        counted: 0,
    };
    for piece in content.chunks(CHUNK) {
        upload.send(piece, patience).await?;
        if upload.hear(patience).await? {
            return upload.yes();
        }
    }
    let last = Duration::from_millis(VERDICT_TIMEOUT_MS.into());
    while !upload.hear(last).await? {}
    upload.yes()
}

#[derive(Debug)]
struct Upload<'a> {
    stream: TcpStream,
    listener: Listener,
    progress: &'a Transfer,
    size: usize,
    sent: usize,
    counted: usize,
}

impl Upload<'_> {
    async fn send(&mut self, piece: &[u8], patience: Duration) -> Result<(), EspotaError> {
        match timeout(patience, self.stream.write_all(piece)).await {
            Ok(Ok(())) => {
                self.sent += piece.len();
                Ok(())
            }
            // What the device said before it closed tells more than that it did.
            Ok(Err(_)) => Err(self.last_words().await),
            Err(_) => Err(self.silent(patience)),
        }
    }

    /// Waits for the device to say something; whether it was `OK`.
    async fn hear(&mut self, patience: Duration) -> Result<bool, EspotaError> {
        let mut bytes = [0; 64];
        match timeout(patience, self.stream.read(&mut bytes)).await {
            Ok(Ok(0) | Err(_)) => Err(self.cut()),
            Err(_) => Err(self.silent(patience)),
            Ok(Ok(length)) => match self.listener.hear(bytes.get(..length).unwrap_or_default()) {
                Heard::Count(count) => {
                    self.count(count);
                    Ok(false)
                }
                Heard::Done => Ok(true),
                Heard::Complaint => Err(self.last_words().await),
            },
        }
    }

    /// Counts run together and are repeated, so they are never believed beyond what was sent.
    fn count(&mut self, count: u64) {
        let open = self.sent - self.counted;
        let count = usize::try_from(count).unwrap_or(usize::MAX).min(open);
        self.counted += count;
        self.progress.advance(count as u64);
    }

    /// The device said `OK`: that is a yes only after the last byte.
    fn yes(&mut self) -> Result<(), EspotaError> {
        if self.sent < self.size {
            return Err(self.failed("it said OK before the last byte"));
        }
        self.count(u64::MAX);
        Ok(())
    }

    /// Reads on to the end of a complaint, or to see whether there is one.
    async fn last_words(&mut self) -> EspotaError {
        let read = async {
            let mut bytes = [0; 64];
            while let Ok(length @ 1..) = self.stream.read(&mut bytes).await {
                let heard = bytes.get(..length).unwrap_or_default();
                let _ = self.listener.hear(heard);
                if heard.contains(&b'\n') {
                    break;
                }
            }
        };
        // A device that does not end its line says no more than it has said.
        let _ = timeout(COMPLAINT, read).await;
        match self.listener.complaint() {
            "" => self.cut(),
            complaint => self.failed(complaint),
        }
    }

    fn failed(&self, complaint: &str) -> EspotaError {
        EspotaError::Device {
            complaint: complaint.to_owned(),
            sent: self.sent,
            size: self.size,
        }
    }

    fn cut(&self) -> EspotaError {
        let (sent, size) = (self.sent, self.size);
        if sent == size {
            EspotaError::NoVerdict { size }
        } else {
            EspotaError::Cut { sent, size }
        }
    }

    fn silent(&self, waited: Duration) -> EspotaError {
        let (sent, size) = (self.sent, self.size);
        if sent == size && self.counted == size {
            EspotaError::NoVerdict { size }
        } else {
            EspotaError::Silent { sent, size, waited }
        }
    }
}
