//! The upload, with the progress the device acknowledges.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hyper::StatusCode;
use tokio::time::sleep;
use updraft_protocol::ReasonCode;
use updraft_protocol::local::LocalStatus;

use super::watch::news;
use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;
use crate::local::{Answer, Local, LocalError, Upload, exit_of};
use crate::progress::Transfer;
use crate::text::clean;

/// How often the device is asked how far it is: often enough for a bar, seldom enough for a device.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(250);

/// How long nothing may move: twice the 30 s after which a device gives up a session.
const SILENCE: Duration = Duration::from_mins(1);

/// How long a device whose connection was cut is asked what it thinks of it.
const INQUIRY: Duration = Duration::from_secs(10);

/// An upload at its end.
#[derive(Debug)]
pub(super) struct Delivery {
    /// How it ended.
    pub(super) delivered: Delivered,
    /// Bytes handed to the connection.
    pub(super) sent: u64,
    /// Bytes the device said it has written.
    pub(super) written: u64,
    /// Bytes of the file.
    pub(super) total: u64,
    /// The slot the device said it writes to.
    pub(super) slot: Option<String>,
    /// The device's uptime when it was last asked, in seconds.
    pub(super) uptime: Option<u32>,
}

/// How an upload ended.
#[derive(Debug)]
pub(super) enum Delivered {
    /// With the device's answer.
    Answered(Answer),
    /// Without one.
    Cut { reason: String },
    /// Nothing moved any more.
    Silent { waited: Duration },
}

/// Sends a file. An error is one before the first byte.
pub(super) async fn deliver(
    context: &Context,
    host: &str,
    local: &Local,
    upload: &Upload,
) -> Result<Delivery, Failure> {
    let total = upload.content.len() as u64;
    let sent = Arc::new(AtomicU64::new(0));
    let follower = Follower {
        context,
        local,
        transfer: context.transfer(&clean(&format!("writing to {host}")), total),
        total,
        sent: Arc::clone(&sent),
        written: Cell::new(0),
        verifying: Cell::new(false),
        last: RefCell::new(None),
    };
    let delivered = tokio::select! {
        answer = local.upload(upload, sent) => match answer {
            Ok(answer) => Delivered::Answered(answer),
            Err(LocalError::Cut { reason, .. }) => Delivered::Cut { reason },
            Err(error) => return Err(error.into()),
        },
        waited = follower.follow() => Delivered::Silent { waited },
    };
    if matches!(&delivered, Delivered::Answered(answer) if answer.status.is_success()) {
        follower.show(total);
    }
    follower.transfer.end();
    let last = follower.last.into_inner();
    Ok(Delivery {
        delivered,
        sent: follower.sent.load(Ordering::Relaxed),
        written: follower.written.get(),
        total,
        slot: last
            .as_ref()
            .and_then(|status| status.session.as_ref())
            .map(|session| session.slot.clone())
            .filter(|slot| !slot.is_empty()),
        uptime: last.map(|status| status.uptime_seconds),
    })
}

/// Asks on a connection of its own how far the device is.
struct Follower<'a> {
    context: &'a Context,
    local: &'a Local,
    transfer: Transfer,
    total: u64,
    sent: Arc<AtomicU64>,
    written: Cell<u64>,
    verifying: Cell<bool>,
    last: RefCell<Option<LocalStatus>>,
}

impl Follower<'_> {
    /// Ends when nothing has moved for too long.
    async fn follow(&self) -> Duration {
        let mut moved = (self.mark(), Instant::now());
        loop {
            sleep(LOOK_EVERY).await;
            // A busy device may leave one unanswered; the upload itself tells when something is wrong.
            if let Ok(status) = self.local.status().await {
                self.take(status);
            }
            let mark = self.mark();
            if mark != moved.0 {
                moved = (mark, Instant::now());
            } else if moved.1.elapsed() > SILENCE {
                return moved.1.elapsed();
            }
        }
    }

    fn mark(&self) -> (u64, u64, bool) {
        let sent = self.sent.load(Ordering::Relaxed);
        (sent, self.written.get(), self.verifying.get())
    }

    fn take(&self, status: LocalStatus) {
        let Some(session) = &status.session else {
            return;
        };
        self.show(session.written.into());
        if session.stage == "verifying" && !self.verifying.replace(true) {
            self.context
                .output
                .note("all of it is written; the device verifies it");
        }
        self.last.replace(Some(status));
    }

    fn show(&self, written: u64) {
        let before = self.written.get();
        let written = written.min(self.total);
        if written > before {
            self.transfer.advance(written - before);
            self.written.set(written);
        }
    }
}

/// The failure of an upload whose connection was cut before the last byte. The device is asked why: an answer it gave
/// in the middle may have been lost with the connection.
pub(super) async fn cut_short(
    host: &str,
    local: &Local,
    before: &LocalStatus,
    delivery: &Delivery,
    reason: &str,
) -> Failure {
    let Delivery { sent, total, .. } = delivery;
    let until = Instant::now() + INQUIRY;
    let mut now = None;
    while now.is_none() && Instant::now() < until {
        now = local.status().await.ok();
        if now.is_none() {
            sleep(LOOK_EVERY).await;
        }
    }
    if let Some(event) = now.as_ref().and_then(|now| news(before, now, &["failed"])) {
        let reason = event.reason.unwrap_or(ReasonCode::Other);
        if reason != ReasonCode::ConnectionLost {
            let exit = exit_of(StatusCode::INTERNAL_SERVER_ERROR, reason);
            return Failure::new(
                exit,
                reason.as_str(),
                format!(
                    "{host} gave up after {sent} of {total} bytes: {}",
                    event.detail
                ),
            )
            .hint("it still runs what it ran before");
        }
    }
    let message = format!("the connection was cut after {sent} of {total} bytes: {reason}");
    let failure = Failure::new(
        Exit::Unreachable,
        ReasonCode::ConnectionLost.as_str(),
        message,
    );
    match now {
        Some(now) => failure.hint(format!(
            "{host} still runs {}; push again, nearer to it if its Wi-Fi is weak",
            now.running.version
        )),
        None => failure.hint(format!(
            "{host} does not answer now; it keeps what it ran before: see that it has power, and push again"
        )),
    }
}

/// The failure of an upload that stood still.
pub(super) fn silent(host: &str, delivery: &Delivery, waited: Duration) -> Failure {
    let Delivery {
        sent,
        written,
        total,
        ..
    } = delivery;
    Failure::new(
        Exit::Unreachable,
        "timeout",
        format!(
            "the upload stood still for {} s after {sent} of {total} bytes; the device had written {written}",
            waited.as_secs()
        ),
    )
    .hint(format!(
        "{host} keeps what it ran before; push again, nearer to it if its Wi-Fi is weak"
    ))
}
