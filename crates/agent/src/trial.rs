//! After a reset: finding out what came of the last update, and confirming a new app that is well.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use updraft_flash::otadata::State;
use updraft_protocol::report::MAX_DETAIL;
use updraft_protocol::version::MAX_VERSION;
use updraft_protocol::{Bootloader, ReasonCode, Report, ResetReason, SlotState, UpdateStatus};

use crate::board::{Board, Clock, System};
use crate::check;
use crate::event::Event;
use crate::failure::Failure;
use crate::guard::{MAX_INTERRUPTED_TRIALS, Trial};
use crate::log::LogEvent;
use crate::memory::Install;
use crate::updater::Updater;
use crate::words::plain;

/// How often an app on trial is asked whether it is well.
const ASK_EVERY_MS: u64 = 1000;

/// Longest pause between two tries to reach the server from an app on trial: a fleet on trial must not storm a server
/// that is down, and an app should not wait long for one that is back.
const MAX_PAUSE_MS: u64 = 8000;

impl<B: Board> Updater<B> {
    /// Brings the last update to its end, whatever the reset interrupted.
    pub(crate) async fn settle(&self) -> Result<(), Failure> {
        let install = self.memory(|memory| memory.install())?;
        // A boot record torn by a power cut can be bootable without saying NEW. Its app is new all the same.
        let is_new = install
            .as_ref()
            .is_some_and(|install| install.activated && self.runs(install))
            && self.app.state.get() != SlotState::Valid;
        if is_new || self.is_on_trial() || self.boot.is_on_trial() {
            self.claim_records()?;
            self.stand_trial().await;
        }
        let Some(install) = install else {
            // An app put here by other means may have died of something, too.
            return self.memory(|memory| {
                memory.forget_problem()?;
                memory.end_trial()
            });
        };
        if !install.activated {
            return Ok(());
        }
        if self.runs(&install) {
            return self.succeeded(&install);
        }
        if self.was_tried(&install)? {
            return self.rolled_back(&install);
        }
        // The reset came between the note and the boot record. The slot is whole: the next poll goes on.
        let begun = Install {
            activated: false,
            ..install
        };
        self.memory(|memory| memory.set_install(&begun))
    }

    /// Watches over an app on trial until it has been well for the stability window, and confirms it. If it
    /// does not become well within the trial's limit, resets the chip, and the old app returns. Ends as well when
    /// somebody confirms it by hand.
    async fn stand_trial(&self) {
        let window = u64::from(self.settings.stability_seconds) * 1000;
        let limit = u64::from(self.settings.trial_limit_seconds) * 1000;
        let began = self.clock.now_ms();
        let mut well_since = None;
        let mut server_reached = self.settings.server.is_none();
        let mut not_reached = None;
        let mut next_try = 0;
        let mut pause = ASK_EVERY_MS;
        let mut given_up = false;
        while self.app.state.get() != SlotState::Valid {
            let problem = match self.check_health() {
                Some(problem) => Some(problem),
                None if server_reached => None,
                None if self.clock.now_ms() < next_try => not_reached.clone(),
                // Reaching the server once is enough: its own trouble later must not undo an update.
                None => match self.check_in().await {
                    Ok(_) => {
                        server_reached = true;
                        None
                    }
                    Err(failure) => {
                        next_try = self.clock.now_ms() + pause;
                        pause = (2 * pause).min(MAX_PAUSE_MS);
                        not_reached = Some(format!("{}: not reached: {failure}", check::SERVER));
                        not_reached.clone()
                    }
                },
            };
            let now = self.clock.now_ms();
            let problem = match problem {
                None if now - *well_since.get_or_insert(now) < window => None,
                None => match self.confirm(LogEvent::Confirmed) {
                    Ok(()) => return,
                    Err(failure) => Some(format!("cannot be confirmed: {failure}")),
                },
                problem => problem,
            };
            if let Some(problem) = problem {
                well_since = None;
                self.show(&Event::Unwell { problem: &problem });
                if now - began >= limit && !given_up {
                    given_up = true;
                    self.give_up(&problem).await;
                }
            }
            self.clock.sleep_ms(ASK_EVERY_MS).await;
        }
    }

    /// The first check that does not hold, by name, and why.
    fn check_health(&self) -> Option<String> {
        let mut checks = self.checks.borrow_mut();
        checks.iter_mut().find_map(|check| {
            let problem = check.check().err()?;
            Some(format!("{}: {problem}", check.name()))
        })
    }

    /// The checks a confirmed app has passed, by name.
    fn passed_checks(&self) -> Vec<String> {
        let checks = self.checks.borrow();
        let named = checks.iter().map(|check| check.name());
        let server = self.settings.server.is_some().then_some(check::SERVER);
        named.chain(server).map(String::from).collect()
    }

    /// Makes the boot records name the running slot, if a torn write left them naming another. The note of
    /// the install says that this app is the one that was verified and activated, so nothing that does not
    /// run is vouched for; and nothing is confirmed yet.
    fn claim_records(&self) -> Result<(), Failure> {
        if self.app.state.get() != SlotState::Fallback {
            return Ok(());
        }
        let named = self.flash.borrow_mut().otadata()?.slot();
        if let Some(named) = named {
            self.flash.borrow_mut().release(named)?;
            self.app.state.set(SlotState::Undefined);
        }
        Ok(())
    }

    pub(crate) fn confirm(&self, how: LogEvent) -> Result<(), Failure> {
        self.flash.borrow_mut().confirm()?;
        self.app.state.set(SlotState::Valid);
        self.log(how, &format!("{} {}", self.app.slot, self.app.version));
        self.show(&Event::Confirmed {
            version: &self.app.version,
        });
        Ok(())
    }

    /// Leaves the app unconfirmed and resets, for as many boots as its trial has. An app that comes back after that has
    /// no other app to make room for: resetting again would only keep it from its work.
    async fn give_up(&self, problem: &str) {
        let limit = self.boot.limit;
        let may_come_back = self.boot.trial.is_some_and(|trial| trial.boots <= limit);
        let noted = self.memory(|memory| {
            let before = memory.problem()?;
            memory.set_problem(problem)?;
            Ok(before.is_some() && !may_come_back)
        });
        match noted {
            Ok(true) => {}
            Ok(false) => {
                self.reboot().await;
            }
            Err(failure) => self.show_failure(&failure),
        }
    }

    fn succeeded(&self, install: &Install) -> Result<(), Failure> {
        let report = Report {
            previous_version: Some(plain(&install.previous_version, MAX_VERSION)),
            checks: self.passed_checks(),
            ..self.new_report(&install.offer, UpdateStatus::Confirmed)
        };
        self.memory(|memory| {
            memory.set_report(&report)?;
            memory.end_install()
        })
    }

    /// Whether the installed app was started, or the bootloader tried to. Only asked when another app runs.
    fn was_tried(&self, install: &Install) -> Result<bool, Failure> {
        let otadata = self.flash.borrow_mut().otadata()?;
        let state = otadata.idf_state_of(install.slot);
        if state == Some(State::Aborted) {
            // Nobody but a bootloader that rolls back writes that.
            self.bootloader.set(Bootloader::Rollback);
            self.memory(|memory| memory.set_bootloader(Bootloader::Rollback))?;
        }
        let had_boots = self.trial_of(install)?.is_some_and(|trial| trial.boots > 0);
        // The bootloader found the slot's image broken, and left the record as it was, or as it wrote it before.
        let passed_over =
            otadata.slot() == Some(install.slot) || state == Some(State::PendingVerify);
        let ruled_out = matches!(state, Some(State::Aborted | State::Invalid));
        Ok(had_boots || passed_over || ruled_out)
    }

    /// The trial of an installed app, as its guard counted it.
    fn trial_of(&self, install: &Install) -> Result<Option<Trial>, Failure> {
        let trial = self.memory(|memory| memory.trial())?;
        let same_build = |elf| install.offer.elf_sha256.is_none_or(|known| known == elf);
        Ok(trial.filter(|trial| trial.slot == install.slot && same_build(trial.elf_sha256)))
    }

    fn rolled_back(&self, install: &Install) -> Result<(), Failure> {
        let problem = self.memory(|memory| memory.problem())?;
        let trial = self.trial_of(install)?;
        // Where the app itself went back, the last reset was its own.
        let reset = trial
            .and_then(|trial| trial.ended)
            .unwrap_or(self.system.reset_reason());
        let failure = if self.memory(|memory| memory.is_by_hand())? {
            Failure::new(ReasonCode::Cancelled, "rolled back by hand")
        } else if self.app.state.get() == SlotState::Fallback {
            Failure::new(
                ReasonCode::Fallback,
                "the bootloader could not start the new app and took another one",
            )
        } else {
            let tries = trial.map_or(1, |trial| trial.tries);
            rollback_reason(reset, problem, tries)
        };
        let subject = format!("ota_{} {}", install.slot, install.offer.version);
        self.log_failure(LogEvent::RolledBack, &subject, &failure);
        self.show(&Event::RolledBack { failure: &failure });
        let report = Report {
            previous_version: Some(plain(&install.previous_version, MAX_VERSION)),
            reason: Some(failure.reason),
            detail: Some(plain(&failure.detail, MAX_DETAIL)),
            reset_reason: Some(reset),
            ..self.new_report(&install.offer, UpdateStatus::RolledBack)
        };
        self.memory(|memory| memory.set_report(&report))?;
        if failure.reason.is_transient() {
            // The app was not to blame. Its image is still in the slot, so the next try is short.
            let again = Install {
                activated: false,
                ..install.clone()
            };
            self.memory(|memory| memory.set_install(&again))?;
        } else {
            if let Some(elf) = install.offer.elf_sha256 {
                self.memory(|memory| memory.refuse(elf))?;
            }
            self.memory(|memory| memory.end_install())?;
        }
        Ok(())
    }
}

/// Why a new app is gone again, from how the chip was reset out of it. `tries` counts the trials it had in a row.
fn rollback_reason(reset: ResetReason, problem: Option<String>, tries: u8) -> Failure {
    if let Some(problem) = problem {
        return Failure::new(
            ReasonCode::Unhealthy,
            format_args!("the new app was not well: {problem}"),
        );
    }
    let interrupted = matches!(
        reset,
        ResetReason::PowerOn | ResetReason::Brownout | ResetReason::External
    );
    if interrupted && tries >= MAX_INTERRUPTED_TRIALS {
        return Failure::new(
            ReasonCode::RolledBack,
            format_args!(
                "{tries} trials of the new app in a row ended as if the power had failed; it is not tried again"
            ),
        );
    }
    let (reason, words) = match reset {
        ResetReason::PowerOn | ResetReason::Brownout | ResetReason::External => (
            ReasonCode::TrialInterrupted,
            "the power or reset line interrupted the new app's trial",
        ),
        ResetReason::Panic => (ReasonCode::RolledBack, "the new app panicked"),
        ResetReason::Watchdog => (
            ReasonCode::RolledBack,
            "the new app hung and the watchdog bit",
        ),
        _ => (
            ReasonCode::RolledBack,
            "the new app reset before it was confirmed",
        ),
    };
    Failure::new(reason, words)
}
