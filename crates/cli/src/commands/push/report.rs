//! What a push came to, for people and programs.

use std::net::SocketAddr;
use std::time::Instant;

use serde::Serialize;
use updraft_protocol::local::{LocalEvent, LocalStatus};
use updraft_protocol::{ReasonCode, SlotState};

use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;
use crate::text::{NONE, clean};

/// What is known of a push, whatever its end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Report<'a> {
    /// The device as the user calls it.
    pub(super) host: &'a str,
    /// Where it is.
    pub(super) address: SocketAddr,
    /// `app` or `frontend`.
    pub(super) kind: &'static str,
    /// The version that was pushed.
    pub(super) pushed: Option<&'a str>,
    /// Bytes of the file.
    pub(super) bytes: usize,
    /// When it began.
    pub(super) began: Instant,
}

/// The result as a document.
#[derive(Debug, Serialize)]
struct Document<'a> {
    /// `confirmed`, `rebooting` or `rolled_back`.
    outcome: &'static str,
    host: &'a str,
    address: SocketAddr,
    kind: &'static str,
    /// The version of the file.
    pushed: Option<&'a str>,
    /// The version that runs now; of a device that restarts, the one it starts.
    version: Option<&'a str>,
    /// Where that lies.
    slot: Option<&'a str>,
    /// The state of that slot; of a frontend, of its trial.
    state: Option<&'a str>,
    bytes: usize,
    seconds: f64,
    /// Why it was rolled back: a reason code.
    reason: Option<&'a str>,
    /// The same in the device's words.
    detail: Option<&'a str>,
}

/// What runs, of the kind that was pushed.
struct Now<'s> {
    version: Option<&'s str>,
    slot: &'s str,
    state: &'s str,
}

impl<'a> Report<'a> {
    /// The device restarts, and nobody waits.
    pub(super) fn rebooting(&self, context: &Context, slot: Option<&str>) -> Result<(), Failure> {
        let document = Document {
            version: self.pushed,
            slot,
            ..self.document("rebooting")
        };
        context.output.data(&document, |document| {
            let slot = document.slot.unwrap_or(NONE);
            self.line(&format!("restarts into {slot}, not waited for"), document)
        })
    }

    /// What was pushed runs and is confirmed.
    pub(super) fn confirmed(&self, context: &Context, status: &LocalStatus) -> Result<(), Failure> {
        let now = self.now(status);
        let document = Document {
            version: now.version,
            slot: Some(now.slot),
            state: Some(now.state),
            ..self.document("confirmed")
        };
        context.output.data(&document, |document| {
            self.line(&format!("runs from {}, confirmed", now.slot), document)
        })
    }

    /// What was pushed does not run: the document, if it is wanted, and the failure the command ends with.
    pub(super) fn rolled_back(
        &self,
        context: &Context,
        status: &LocalStatus,
        why: Option<&LocalEvent>,
    ) -> Result<Failure, Failure> {
        let now = self.now(status);
        let reason = why.and_then(|why| why.reason);
        let detail = why
            .map(|why| why.detail.as_str())
            .filter(|detail| !detail.is_empty());
        if context.output.is_json() {
            let document = Document {
                version: now.version,
                slot: Some(now.slot),
                state: Some(now.state),
                reason: reason.map(ReasonCode::as_str),
                detail,
                ..self.document("rolled_back")
            };
            context.output.data(&document, |_| String::new())?;
        }
        let message = format!(
            "{} was rolled back: {}; {} runs {} from {}",
            self.pushed.unwrap_or("what was pushed"),
            detail.unwrap_or("the device does not say why"),
            self.host,
            now.version.unwrap_or("what it ran before"),
            now.slot
        );
        let code = reason.map_or(ReasonCode::RolledBack.as_str(), ReasonCode::as_str);
        Ok(Failure::new(Exit::RolledBack, code, message).hint(format!(
            "the device keeps a log of its updates: http://{}/api/ota/log",
            self.address
        )))
    }

    fn document(&self, outcome: &'static str) -> Document<'a> {
        Document {
            outcome,
            host: self.host,
            address: self.address,
            kind: self.kind,
            pushed: self.pushed,
            version: None,
            slot: None,
            state: None,
            bytes: self.bytes,
            seconds: self.began.elapsed().as_secs_f64(),
            reason: None,
            detail: None,
        }
    }

    fn line(&self, what: &str, document: &Document<'_>) -> String {
        clean(&format!(
            "{}: {} {what}, {} bytes in {:.1} s",
            self.host,
            document.version.unwrap_or(self.kind),
            self.bytes,
            document.seconds
        )) + "\n"
    }

    fn now<'s>(&self, status: &'s LocalStatus) -> Now<'s> {
        if self.kind == "frontend" {
            let www = status.www.as_ref();
            return Now {
                version: www.and_then(|www| www.version.as_deref()),
                slot: match status.www_slot {
                    Some(0) => "www_0",
                    Some(_) => "www_1",
                    None => NONE,
                },
                state: www.map_or(NONE, |www| www.trial.as_str()),
            };
        }
        Now {
            version: Some(&status.running.version),
            slot: &status.running.slot,
            state: word(status.state),
        }
    }
}

/// The state as it stands in the device's status.
const fn word(state: SlotState) -> &'static str {
    match state {
        SlotState::Factory => "factory",
        SlotState::New => "new",
        SlotState::PendingVerify => "pending_verify",
        SlotState::Valid => "valid",
        SlotState::Undefined => "undefined",
        SlotState::Fallback => "fallback",
        _ => "unknown",
    }
}
