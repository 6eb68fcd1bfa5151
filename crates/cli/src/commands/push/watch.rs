//! After the upload: the reboot, the trial, and its end.

use std::cell::Cell;
use std::time::{Duration, Instant};

use tokio::time::sleep;
use updraft_protocol::local::{LocalEvent, LocalStatus};
use updraft_protocol::{Bootloader, Digest, ResetReason, SlotState};

use super::deliver::{Delivery, LOOK_EVERY};
use super::payload::{Kind, Payload};
use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;
use crate::local::Local;

/// How long a device that is back on what it ran before may take to say why: it writes its log right after the start.
const GRACE: Duration = Duration::from_secs(10);

/// Events that tell why what was pushed does not run.
const GONE: &[&str] = &["rolled_back", "rolled_back_by_hand", "fallback"];

/// What became of it.
#[derive(Debug)]
pub(super) enum Ending {
    /// It runs, for good.
    Confirmed(LocalStatus),
    /// Something else runs, for this reason if the device told.
    Gone {
        status: LocalStatus,
        why: Option<LocalEvent>,
    },
}

/// What the device is doing, as far as that can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// It has not restarted yet.
    Restarting,
    /// What was pushed runs, and is not confirmed.
    OnTrial,
    /// A browser has to confirm.
    WaitingForBrowser,
    /// What was pushed is confirmed.
    Confirmed,
    /// It restarted, and something else runs.
    Gone,
}

/// Watches one device.
#[derive(Debug)]
pub(super) struct Watch<'a> {
    context: &'a Context,
    local: &'a Local,
    host: &'a str,
    payload: &'a Payload,
    before: &'a LocalStatus,
    answered: bool,
    /// Longest uptime seen since the last restart that was seen, in seconds.
    uptime: Cell<u32>,
    restarted: Cell<bool>,
}

impl<'a> Watch<'a> {
    /// Of a device that said `before` before the upload, and after it that it took it, or nothing.
    pub(super) const fn new(
        context: &'a Context,
        local: &'a Local,
        host: &'a str,
        payload: &'a Payload,
        before: &'a LocalStatus,
        answered: bool,
    ) -> Self {
        Self {
            context,
            local,
            host,
            payload,
            before,
            answered,
            uptime: Cell::new(before.uptime_seconds),
            restarted: Cell::new(false),
        }
    }

    /// Asks until it is known what became of it. A device that does not answer is restarting, or its network is down:
    /// both are waited for.
    pub(super) async fn to_the_end(
        &self,
        delivery: &Delivery,
        limit: Duration,
    ) -> Result<Ending, Failure> {
        let began = Instant::now();
        let mut stage = Stage::Restarting;
        let mut since = Instant::now();
        let mut reachable = true;
        self.uptime
            .set(self.uptime.get().max(delivery.uptime.unwrap_or(0)));
        if self.answered {
            self.say("all of it is written and verified; the device restarts");
        }
        while began.elapsed() < limit {
            let Ok(status) = self.local.status().await else {
                reachable = false;
                sleep(LOOK_EVERY).await;
                continue;
            };
            reachable = true;
            let now = self.stage(&status);
            if now != stage {
                since = Instant::now();
                stage = now;
                self.tell(stage, &status);
            }
            match stage {
                Stage::Confirmed => return Ok(Ending::Confirmed(status)),
                Stage::Gone => {
                    let why = news(self.before, &status, GONE).cloned();
                    if why.is_some() || since.elapsed() > GRACE {
                        return Ok(Ending::Gone { status, why });
                    }
                }
                Stage::Restarting if !self.answered && status.session.is_none() => {
                    if let Some(failure) = self.not_taken(delivery, &status, since.elapsed()) {
                        return Err(failure);
                    }
                }
                _ => {}
            }
            sleep(LOOK_EVERY).await;
        }
        Err(self.timed_out(stage, reachable, limit))
    }

    fn say(&self, text: &str) {
        self.context.output.note(text);
    }

    fn tell(&self, stage: Stage, status: &LocalStatus) {
        let version = self.version();
        match (stage, self.payload.kind) {
            (Stage::OnTrial, Kind::App) => self.say(&format!(
                "{version} runs from {}, on trial{}",
                status.running.slot,
                who_takes_it_back(status.bootloader)
            )),
            (Stage::OnTrial, Kind::Frontend) => {
                self.say(&format!("{version} is there; the device checks its files"));
            }
            (Stage::WaitingForBrowser, _) => self.say(&format!(
                "{version} waits for a browser: open the device's page and confirm it within ten minutes"
            )),
            _ => {}
        }
    }

    /// What was pushed, for messages.
    fn version(&self) -> &str {
        let nameless = match self.payload.kind {
            Kind::App => "the new app",
            Kind::Frontend => "the new frontend",
        };
        self.payload.version.as_deref().unwrap_or(nameless)
    }

    fn stage(&self, status: &LocalStatus) -> Stage {
        let running = &status.running;
        let same = &self.before.running;
        let moved = running.elf_sha256 != same.elf_sha256 || running.slot != same.slot;
        if status.uptime_seconds < self.uptime.get() {
            if self.restarted.get() {
                self.again(status);
            }
            self.restarted.set(true);
        } else if moved || news(self.before, status, GONE).is_some() {
            // The restart itself was too short to be seen.
            self.restarted.set(true);
        }
        self.uptime.set(status.uptime_seconds);
        match self.payload.kind {
            Kind::App => self.app_stage(status, moved),
            Kind::Frontend => self.frontend_stage(status),
        }
    }

    /// Says that the device restarted once more, and why.
    fn again(&self, status: &LocalStatus) {
        let why = match status.reset_reason {
            ResetReason::Panic => " after a panic",
            ResetReason::Watchdog => ": the watchdog bit",
            ResetReason::Brownout => ": its supply dipped",
            ResetReason::PowerOn => ": its power failed",
            _ => "",
        };
        let running = &status.running;
        self.say(&format!(
            "the device restarted again{why}, and runs {} from {}",
            running.version, running.slot
        ));
    }

    fn app_stage(&self, status: &LocalStatus, moved: bool) -> Stage {
        let pushed = self
            .payload
            .facts
            .map(|facts| facts.head.app.app_elf_sha256);
        let is_pushed = pushed.map(Digest) == Some(status.running.elf_sha256);
        match (is_pushed && moved, status.state) {
            (true, SlotState::Valid) => Stage::Confirmed,
            (true, _) => Stage::OnTrial,
            (false, _) if self.restarted.get() => Stage::Gone,
            (false, _) => Stage::Restarting,
        }
    }

    fn frontend_stage(&self, status: &LocalStatus) -> Stage {
        if !self.restarted.get() {
            return Stage::Restarting;
        }
        if status.www_slot == self.before.www_slot {
            return Stage::Gone;
        }
        match status.www.as_ref().map(|www| www.trial.as_str()) {
            Some("confirmed") => Stage::Confirmed,
            Some("waiting") => Stage::WaitingForBrowser,
            _ => Stage::OnTrial,
        }
    }

    /// The failure of an upload whose end the device did not confirm, and which it did not take.
    fn not_taken(
        &self,
        delivery: &Delivery,
        status: &LocalStatus,
        waited: Duration,
    ) -> Option<Failure> {
        let Delivery { total, .. } = delivery;
        let hint = format!(
            "{} still runs {}; push again",
            self.host, status.running.version
        );
        if let Some(event) = news(self.before, status, &["failed"]) {
            let reason = event.reason.map_or("failed", |reason| reason.as_str());
            let message = format!("{} did not take the update: {}", self.host, event.detail);
            return Some(Failure::new(Exit::Failed, reason, message).hint(hint));
        }
        (waited > GRACE).then(|| {
            Failure::new(
                Exit::Unreachable,
                "connection_lost",
                format!(
                    "the connection was cut after all {total} bytes, and the device did not restart with them"
                ),
            )
            .hint(hint)
        })
    }

    fn timed_out(&self, stage: Stage, reachable: bool, limit: Duration) -> Failure {
        let limit = humantime::format_duration(limit);
        let version = self.version();
        let (code, what) = match (stage, reachable) {
            (Stage::Restarting, true) => ("no_restart", "the device has not restarted".to_owned()),
            (Stage::Restarting, false) => (
                "not_back",
                "the device has not come back from its restart".to_owned(),
            ),
            (_, true) => (
                "not_confirmed",
                format!("{version} runs, but is not confirmed"),
            ),
            (_, false) => (
                "not_back",
                format!("the device does not answer since {version} ran on trial"),
            ),
        };
        let message = format!("{what}, {limit} after the upload");
        let hint = if reachable {
            "wait longer with --timeout, or see what it says under /api/ota/status"
        } else {
            "if the new app has no network it returns to the old one by itself; see then what it says under /api/ota/status"
        };
        Failure::new(Exit::Unreachable, code, message).hint(hint)
    }
}

/// What came of the last update, if that is one of `events` and was not so before.
pub(super) fn news<'s>(
    before: &LocalStatus,
    now: &'s LocalStatus,
    events: &[&str],
) -> Option<&'s LocalEvent> {
    let result = now.last_result.as_ref()?;
    let is_new = before.last_result.as_ref() != Some(result);
    (is_new && events.contains(&result.event.as_str())).then_some(result)
}

/// What an app on trial has to expect of its bootloader, as the end of a sentence.
const fn who_takes_it_back(bootloader: Bootloader) -> &'static str {
    match bootloader {
        Bootloader::Rollback => "; the bootloader takes it back if it is not confirmed",
        Bootloader::NoRollback => {
            "; the bootloader does not roll back, so the app goes back by itself if it is not confirmed"
        }
        _ => "",
    }
}
