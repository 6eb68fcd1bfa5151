//! After a reset: finding out what came of the last update, and confirming a new app that is well.

use alloc::string::String;

use updraft_flash::otadata::State;
use updraft_protocol::{ReasonCode, ResetReason, SlotState, UpdateStatus};

use crate::board::{Board, Clock, Health, Indicator, System};
use crate::event::Event;
use crate::failure::Failure;
use crate::memory::Install;
use crate::updater::Updater;

/// How often an app on trial is asked whether it is well.
const ASK_EVERY_MS: u64 = 1000;

impl<B: Board> Updater<B> {
    /// Brings the last update to its end, whatever the reset interrupted.
    pub(crate) async fn settle(&mut self) -> Result<(), Failure> {
        let install = self.memory()?.install()?;
        // A boot record torn by a power cut can be bootable without saying NEW. Its app is new all the same.
        let is_new = install
            .as_ref()
            .is_some_and(|install| install.activated && self.runs(install))
            && self.app.state != SlotState::Valid;
        if is_new || self.is_on_trial() {
            self.claim_records()?;
            self.stand_trial().await;
        }
        let Some(install) = install else {
            // An app put here by other means may have died of something, too.
            return self.memory()?.forget_problem();
        };
        if !install.activated {
            return Ok(());
        }
        if self.runs(&install) {
            return self.succeeded(&install).await;
        }
        if self.was_tried(&install)? {
            return self.rolled_back(&install).await;
        }
        // The reset came between the note and the boot record. The slot is whole: the next poll goes on.
        let begun = Install {
            activated: false,
            ..install
        };
        self.memory()?.set_install(&begun)
    }

    /// Watches over an app on trial until it has been well for the stability window, and confirms it. If it
    /// does not become well within the trial's limit, resets the chip, and the bootloader returns to the
    /// old app.
    async fn stand_trial(&mut self) {
        let window = u64::from(self.settings.stability_seconds) * 1000;
        let limit = u64::from(self.settings.trial_limit_seconds) * 1000;
        let began = self.clock.now_ms();
        let mut well_since = None;
        let mut server_reached = false;
        let mut given_up = false;
        loop {
            let problem = match self.health.check() {
                Err(problem) => Some(problem),
                Ok(()) if server_reached => None,
                // Reaching the server once is enough: its own trouble later must not undo an update.
                Ok(()) => match self.check_in().await {
                    Ok(_) => {
                        server_reached = true;
                        None
                    }
                    Err(failure) => Some(alloc::format!("server not reached: {failure}")),
                },
            };
            let now = self.clock.now_ms();
            let problem = match problem {
                None if now - *well_since.get_or_insert(now) < window => None,
                None => match self.confirm() {
                    Ok(()) => return,
                    Err(failure) => Some(alloc::format!("cannot be confirmed: {failure}")),
                },
                problem => problem,
            };
            if let Some(problem) = problem {
                well_since = None;
                self.indicator.show(&Event::Unwell { problem: &problem });
                if now - began >= limit && !given_up {
                    given_up = true;
                    self.give_up(&problem).await;
                }
            }
            self.clock.sleep_ms(ASK_EVERY_MS).await;
        }
    }

    /// Makes the boot records name the running slot, if a torn write left them naming another. The note of
    /// the install says that this app is the one that was verified and activated, so nothing that does not
    /// run is vouched for; and nothing is confirmed yet.
    fn claim_records(&mut self) -> Result<(), Failure> {
        if self.app.state != SlotState::Fallback {
            return Ok(());
        }
        if let Some(named) = self.flash.otadata()?.slot() {
            self.flash.release(named)?;
            self.app.state = SlotState::Undefined;
        }
        Ok(())
    }

    fn confirm(&mut self) -> Result<(), Failure> {
        self.flash.confirm()?;
        self.app.state = SlotState::Valid;
        self.indicator.show(&Event::Confirmed {
            version: &self.app.version,
        });
        Ok(())
    }

    /// Leaves the app unconfirmed and resets, once. An app that comes back after that has a bootloader that
    /// does not roll back, or no other app: resetting again would only keep it from its work.
    async fn give_up(&mut self, problem: &str) {
        let noted = self.memory().and_then(|mut memory| {
            let before = memory.problem()?;
            memory.set_problem(problem)?;
            Ok(before.is_some())
        });
        match noted {
            Ok(true) => {}
            Ok(false) => self.reboot().await,
            Err(failure) => self.show_failure(&failure),
        }
    }

    async fn succeeded(&mut self, install: &Install) -> Result<(), Failure> {
        let previous = Some(install.previous_version.as_str());
        self.keep_report(&install.offer, UpdateStatus::Confirmed, previous, None)?;
        self.memory()?.end_install()?;
        self.send_kept_report().await
    }

    /// Whether the bootloader started the installed app, or tried to. Only asked when another app runs.
    fn was_tried(&mut self, install: &Install) -> Result<bool, Failure> {
        let otadata = self.flash.otadata()?;
        let state = otadata.idf_state_of(install.slot);
        // PENDING_VERIFY while another app runs: the bootloader found the slot's image broken.
        Ok(matches!(
            state,
            Some(State::Aborted | State::Invalid | State::PendingVerify)
        ))
    }

    async fn rolled_back(&mut self, install: &Install) -> Result<(), Failure> {
        let problem = self.memory()?.problem()?;
        let failure = rollback_reason(self.system.reset_reason(), problem);
        self.indicator
            .show(&Event::RolledBack { failure: &failure });
        let previous = Some(install.previous_version.as_str());
        let status = UpdateStatus::RolledBack;
        self.keep_report(&install.offer, status, previous, Some(&failure))?;
        if failure.reason.is_transient() {
            // The app was not to blame. Its image is still in the slot, so the next try is short.
            let again = Install {
                activated: false,
                ..install.clone()
            };
            self.memory()?.set_install(&again)?;
        } else {
            if let Some(elf) = install.offer.elf_sha256 {
                self.memory()?.refuse(elf)?;
            }
            self.memory()?.end_install()?;
        }
        self.send_kept_report().await
    }
}

/// Why a new app is gone again, from how the chip was reset out of it.
fn rollback_reason(reset: ResetReason, problem: Option<String>) -> Failure {
    if let Some(problem) = problem {
        return Failure::new(
            ReasonCode::Unhealthy,
            format_args!("the new app was not well: {problem}"),
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
