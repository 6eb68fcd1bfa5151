//! One update at a time for the whole device, whoever brings it.

use alloc::format;
use alloc::string::String;
use core::cell::RefCell;
use core::fmt;
use core::net::IpAddr;

use updraft_protocol::ReasonCode;

use crate::failure::Failure;

/// Who brings an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// The updater itself fetches it from its server.
    Pull,
    /// `POST /update` on the device.
    Push,
    /// The Arduino protocol.
    Espota,
    /// `POST /api/ota/frontend` on the device.
    Frontend,
    /// No update: somebody has the device go back to its other app.
    RollBack,
}

impl Source {
    /// The word in status, log and errors.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pull => "pull",
            Self::Push => "push",
            Self::Espota => "espota",
            Self::Frontend => "frontend",
            Self::RollBack => "rollback",
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How far the update under way is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// Who brings it.
    pub source: Source,
    /// From where, if it came over the network to the device.
    pub peer: Option<IpAddr>,
    /// The slot it goes to, such as `ota_1` or `www_0`; empty before that is known.
    pub slot: String,
    /// Bytes that are in flash.
    pub written: u32,
    /// Bytes in all; for a form upload, whose parts do not tell their size, an upper bound.
    pub total: u32,
    /// What it is doing.
    pub stage: Stage,
}

/// What an update is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// Bytes arrive and are written.
    Writing,
    /// The whole is read back and verified.
    Verifying,
    /// It boots next; the reset is due.
    Rebooting,
}

impl Stage {
    /// The word in the status.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Writing => "writing",
            Self::Verifying => "verifying",
            Self::Rebooting => "rebooting",
        }
    }
}

/// The place where the one session is noted.
#[derive(Debug, Default)]
pub(crate) struct SessionLock(RefCell<Option<Progress>>);

impl SessionLock {
    /// Begins a session; an error names the one under way.
    pub(crate) fn begin(
        &self,
        source: Source,
        peer: Option<IpAddr>,
    ) -> Result<Session<'_>, Failure> {
        let mut place = self.0.borrow_mut();
        if let Some(other) = &*place {
            return Err(Failure::new(ReasonCode::Busy, describe(other)));
        }
        *place = Some(Progress {
            source,
            peer,
            slot: String::new(),
            written: 0,
            total: 0,
            stage: Stage::Writing,
        });
        Ok(Session { lock: self, source })
    }

    /// The session under way.
    pub(crate) fn progress(&self) -> Option<Progress> {
        self.0.borrow().clone()
    }
}

fn describe(other: &Progress) -> String {
    let from = other
        .peer
        .map_or_else(String::new, |peer| format!(" from {peer}"));
    match other.stage {
        Stage::Rebooting => format!(
            "an update by {}{from} is done and the device is about to reboot",
            other.source
        ),
        _ => format!(
            "an update by {}{from} is under way, {} of {} bytes are written; try again when it is over",
            other.source, other.written, other.total
        ),
    }
}

/// The right to update. Dropping it ends the session.
#[derive(Debug)]
pub(crate) struct Session<'d> {
    lock: &'d SessionLock,
    source: Source,
}

impl Session<'_> {
    pub(crate) const fn source(&self) -> Source {
        self.source
    }

    /// Ends the session with the reset that is due, and no earlier.
    pub(crate) fn keep_until_reset(self) {
        self.change(|progress| progress.stage = Stage::Rebooting);
        core::mem::forget(self);
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut Progress)) {
        if let Some(progress) = self.lock.0.borrow_mut().as_mut() {
            change(progress);
        }
    }
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        self.lock.0.borrow_mut().take();
    }
}
