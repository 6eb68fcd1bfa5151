//! At boot: which slot is served.

use alloc::format;

use updraft_protocol::ReasonCode;

use super::{BROWSER_BOOTS, OPEN_ASK_MS, OPEN_LIMIT_MS, Served, Trial, other};
use crate::board::{Board, Clock};
use crate::failure::Failure;
use crate::log::LogEvent;
use crate::updater::Updater;

impl<B: Board> Updater<B> {
    /// Finds the slot to serve. Nothing that goes wrong ends it: then there is the recovery page.
    pub(crate) async fn open_www(&self) {
        if self.flash.borrow().www().is_some()
            && let Err(failure) = self.open_indexed().await
        {
            self.show_failure(&failure);
        }
        self.www.opened.set(true);
    }

    /// Waits until the slots were looked at, for a request that comes first thing after a boot.
    pub(crate) async fn www_opened(&self) {
        let deadline = self.clock.now_ms() + OPEN_LIMIT_MS;
        while !self.www.opened.get() && self.clock.now_ms() < deadline {
            self.clock.sleep_ms(OPEN_ASK_MS).await;
        }
    }

    async fn open_indexed(&self) -> Result<(), Failure> {
        let known = self.memory(|memory| {
            let (index, trial) = (memory.www_slot()?, memory.www_trial()?);
            let valid = trial.filter(|trial| trial.slot == index);
            if trial.is_some() && valid.is_none() {
                memory.end_www_trial()?;
            }
            Ok((index, valid))
        });
        // Without NVS there is still what it would say on a new device.
        let (index, trial) = known.unwrap_or_else(|failure| {
            self.show_failure(&failure);
            (0, None)
        });
        self.www.index.set(index);
        self.www.trial.set(trial);
        match self.look_at_www(index).await {
            Ok(site) => {
                let slot = index;
                self.www.served.set(Some(Served { slot, site }));
                match trial {
                    Some(trial) if trial.browser => self.count_boot(trial).await,
                    _ => Ok(()),
                }
            }
            Err(failure) => self.open_other(index, trial, failure).await,
        }
    }

    /// Serves the slot that the index does not name, if all of it is sound.
    async fn open_other(
        &self,
        index: u8,
        trial: Option<Trial>,
        failure: Failure,
    ) -> Result<(), Failure> {
        let slot = other(index);
        let Ok(site) = self.check_www(slot).await else {
            // Slots that were never filled are no fault.
            return match failure.reason {
                ReasonCode::NotAnImage => Ok(()),
                _ => Err(failure),
            };
        };
        if trial.is_some() {
            return self.return_www((slot, site), LogEvent::RolledBack, Some(&failure));
        }
        self.www.served.set(Some(Served { slot, site }));
        let subject = format!("www_{slot}");
        let last = self.memory(|memory| Ok(memory.log()?.pop()));
        // Once, not at every boot.
        if !last.is_ok_and(|last| last.is_some_and(|last| last.subject == subject)) {
            self.log_failure(LogEvent::Fallback, &subject, &failure);
        }
        Err(failure)
    }

    /// Counts a boot in which a frontend waits for its browser; after the last one it has waited long enough.
    async fn count_boot(&self, trial: Trial) -> Result<(), Failure> {
        if trial.boots < BROWSER_BOOTS {
            let trial = Trial {
                boots: trial.boots + 1,
                ..trial
            };
            self.memory(|memory| memory.set_www_trial(trial))?;
            self.www.trial.set(Some(trial));
            return Ok(());
        }
        let failure = Failure::new(
            ReasonCode::RolledBack,
            format_args!("no browser confirmed the new frontend in {BROWSER_BOOTS} boots"),
        );
        self.give_www_up(&failure).await
    }
}
