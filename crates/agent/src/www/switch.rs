//! Changing which slot is served. The order of the writes to NVS is the parent module's.

use alloc::format;
use alloc::string::String;

use updraft_protocol::ReasonCode;
use updraft_www::serve::Site;

use super::{Served, Trial, other};
use crate::board::Board;
use crate::event::Event;
use crate::failure::Failure;
use crate::log::LogEvent;
use crate::updater::Updater;

/// What the log calls a frontend.
pub(super) fn subject(slot: u8, site: &Site) -> String {
    match site.version() {
        Some(version) => format!("www_{slot} {version}"),
        None => format!("www_{slot}"),
    }
}

impl<B: Board> Updater<B> {
    /// Makes the next boot serve `slot`, on trial.
    pub(super) fn switch_www(&self, slot: u8, site: &Site, browser: bool) -> Result<(), Failure> {
        let trial = Trial {
            slot,
            browser,
            boots: 0,
        };
        self.memory(|memory| {
            memory.set_www_trial(trial)?;
            memory.set_www_slot(slot)
        })?;
        self.log(LogEvent::Activated, &subject(slot, site));
        Ok(())
    }

    /// A slot is about to be written: the index must not name it, and what is being read from it ends.
    pub(crate) fn release_www(&self, slot: u8) -> Result<(), Failure> {
        let kept = other(slot);
        self.memory(|memory| {
            if memory.www_slot()? == slot {
                memory.set_www_slot(kept)?;
            }
            memory.end_www_trial()
        })?;
        self.www.index.set(kept);
        let writes = &self.www.writes[usize::from(slot & 1)];
        writes.set(writes.get().wrapping_add(1));
        Ok(())
    }

    /// Serves `slot` from now on, and has the index name it. `site` is what is in it, checked.
    pub(super) fn return_www(
        &self,
        (slot, site): (u8, Site),
        how: LogEvent,
        why: Option<&Failure>,
    ) -> Result<(), Failure> {
        self.memory(|memory| {
            if memory.www_trial()?.is_some_and(|trial| trial.slot == slot) {
                memory.end_www_trial()?;
            }
            memory.set_www_slot(slot)?;
            memory.end_www_trial()
        })?;
        self.www.trial.set(None);
        self.www.index.set(slot);
        self.www.served.set(Some(Served { slot, site }));
        let given_up = format!("www_{}", other(slot));
        if let Some(failure) = why {
            self.log_failure(how, &given_up, failure);
            self.show(&Event::RolledBack { failure });
        } else {
            self.log(how, &given_up);
            self.show(&Event::RollingBack);
        }
        Ok(())
    }

    /// Ends the trial of the served slot in its favour.
    pub(super) fn confirm_www(&self, how: LogEvent) -> Result<(), Failure> {
        self.memory(|memory| memory.end_www_trial())?;
        self.www.trial.set(None);
        if let Some(Served { slot, site }) = self.www.served.get() {
            self.log(how, &subject(slot, &site));
            let version = site.version();
            let version = version.map_or("the new frontend", |version| version.as_str());
            self.show(&Event::Confirmed { version });
        }
        Ok(())
    }

    /// Ends the trial against the slot on trial: the other one is served again. Where that is not sound, the one on
    /// trial stays, as a frontend with a fault is better than none.
    pub(super) async fn give_www_up(&self, why: &Failure) -> Result<(), Failure> {
        let index = self.www.index.get();
        let checked = self.check_www(other(index)).await;
        if self.www.trial.get().is_none() {
            // Whatever somebody decided while the other slot was read stands.
            return Ok(());
        }
        match checked {
            Ok(site) => self.return_www((other(index), site), LogEvent::RolledBack, Some(why)),
            Err(failure) => {
                let failure = Failure::new(
                    ReasonCode::NoWayBack,
                    format_args!("{}; it stays, as {}", why.detail, failure.detail),
                );
                self.memory(|memory| memory.end_www_trial())?;
                self.www.trial.set(None);
                self.log_failure(LogEvent::Failed, &format!("www_{index}"), &failure);
                Err(failure)
            }
        }
    }
}
