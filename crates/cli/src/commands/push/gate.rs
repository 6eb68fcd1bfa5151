//! What can be refused before a byte is sent: the device says what it is and what it is doing.

use std::path::Path;

use updraft_image::{Chip, Expect, verify};
use updraft_protocol::local::{LocalSession, LocalStatus};
use updraft_protocol::version::parse;
use updraft_protocol::{ReasonCode, SlotState};

use super::payload::{Kind, Payload};
use crate::error::Failure;
use crate::exit::Exit;
use crate::firmware::{refused, shown};
use crate::local::TOKEN_HINT;

/// That the device takes an update now.
pub(super) fn check_device(
    host: &str,
    status: &LocalStatus,
    has_token: bool,
) -> Result<(), Failure> {
    if status.push_auth == "token" && !has_token {
        let message = format!("{host} asks for a token");
        return Err(Failure::new(Exit::Config, "push_token_missing", message).hint(TOKEN_HINT));
    }
    if status.push_auth == "refused" {
        let message = format!("{host} takes no pushes until a token is set on it");
        return Err(Failure::new(Exit::Config, "push_refused", message).hint(
            "set one in the device's settings, or build its firmware with open pushes allowed",
        ));
    }
    if let Some(session) = &status.session {
        let message = format!("{host} says: {}", under_way(session));
        return Err(
            Failure::new(Exit::Refused, ReasonCode::Busy.as_str(), message)
                .hint("try again when it is over"),
        );
    }
    Ok(())
}

fn under_way(session: &LocalSession) -> String {
    let LocalSession {
        source,
        written,
        total,
        ..
    } = session;
    let peer = session.peer.as_deref();
    let from = peer.map_or_else(String::new, |peer| format!(" from {peer}"));
    if session.stage == "rebooting" {
        format!("an update by {source}{from} is done and the device is about to reboot")
    } else {
        format!("an update by {source}{from} is under way, {written} of {total} bytes are written")
    }
}

/// That this file is one the device can take.
pub(super) fn check_payload(
    path: &Path,
    payload: &Payload,
    status: &LocalStatus,
    allow_downgrade: bool,
) -> Result<(), Failure> {
    if payload.kind == Kind::Frontend {
        return match status.www_slot {
            Some(_) => Ok(()),
            None => Err(no_slot(
                "the device has no www slots",
                "give its partition table two www slots",
            )),
        };
    }
    if matches!(status.state, SlotState::New | SlotState::PendingVerify) {
        let message = format!(
            "the running {} has not been confirmed yet, and the other slot is its way back",
            status.running.version
        );
        return Err(
            Failure::new(Exit::Refused, ReasonCode::OnTrial.as_str(), message)
                .hint("wait until it is confirmed, or confirm it by POST /api/ota/confirm"),
        );
    }
    if status.next.is_none() {
        return Err(no_slot(
            "the device has no slot for an update",
            "give its partition table two OTA slots",
        ));
    }
    let expect = Expect {
        // A chip this program does not know is for the device itself to compare.
        chip: status.chip.parse::<Chip>().ok(),
        max_size: Some(status.free_space),
        min_secure_version: Some(status.secure_version),
        ..Expect::new()
    };
    if let Err(fault) = verify(&payload.content, expect) {
        return Err(refused(path, &fault));
    }
    if allow_downgrade {
        return Ok(());
    }
    check_not_below(path, payload, &status.running.version)
}

fn check_not_below(path: &Path, payload: &Payload, running: &str) -> Result<(), Failure> {
    let version = payload.version.as_deref().unwrap_or_default();
    let failure = |message: String| {
        let message = format!("{}: {message}", shown(path));
        Failure::new(Exit::Refused, ReasonCode::Downgrade.as_str(), message)
            .hint("push it with --allow-downgrade if it is meant")
    };
    let found = parse(version).map_err(|error| failure(error.to_string()))?;
    let floor = parse(running).map_err(|error| failure(format!("the running {error}")))?;
    if found.cmp_precedence(&floor).is_lt() {
        return Err(failure(format!(
            "{found} is lower than the running {floor}"
        )));
    }
    Ok(())
}

fn no_slot(message: &str, hint: &str) -> Failure {
    Failure::new(Exit::Refused, ReasonCode::NoSlot.as_str(), message).hint(hint)
}
