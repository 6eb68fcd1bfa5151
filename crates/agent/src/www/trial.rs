//! The trial of a new frontend, and what a person may decide of it.

use core::convert::Infallible;
use core::net::IpAddr;

use updraft_protocol::ReasonCode;

use super::{BROWSER_LIMIT_SECONDS, Served, other};
use crate::board::{Board, Clock};
use crate::failure::Failure;
use crate::log::LogEvent;
use crate::session::Source;
use crate::updater::Updater;

impl<B: Board> Updater<B> {
    /// Brings the trial of a new frontend to its end, then waits for ever.
    pub(crate) async fn watch_www(&self) -> Infallible {
        if let Err(failure) = self.try_www().await {
            self.show_failure(&failure);
        }
        core::future::pending().await
    }

    /// Checks every file of a frontend on trial, then waits for its browser if it needs one.
    async fn try_www(&self) -> Result<(), Failure> {
        let (Some(trial), Some(Served { slot, .. })) =
            (self.www.trial.get(), self.www.served.get())
        else {
            return Ok(());
        };
        let checked = self.check_www(slot).await;
        if self.www.trial.get() != Some(trial) {
            // Somebody decided meanwhile.
            return Ok(());
        }
        match checked {
            Err(failure) => return self.give_www_up(&failure).await,
            Ok(_) if !trial.browser => return self.confirm_www(LogEvent::Confirmed),
            Ok(_) => {}
        }
        self.clock
            .sleep_ms(u64::from(BROWSER_LIMIT_SECONDS) * 1000)
            .await;
        if self.www.trial.get() != Some(trial) {
            return Ok(());
        }
        let failure = Failure::new(
            ReasonCode::RolledBack,
            format_args!("no browser confirmed the new frontend within {BROWSER_LIMIT_SECONDS} s"),
        );
        self.give_www_up(&failure).await
    }

    /// Confirms the frontend on trial. True if there was one; false if there was nothing to confirm.
    ///
    /// [`ReasonCode::OnTrial`] if no browser has loaded its first page since boot: whoever confirms has not seen it.
    pub(crate) fn confirm_www_by_hand(&self) -> Result<bool, Failure> {
        if self.www.trial.get().is_none() {
            return Ok(false);
        }
        if !self.www.loaded.get() {
            return Err(Failure::new(
                ReasonCode::OnTrial,
                "no browser has loaded the new frontend yet; open its first page, and confirm from there",
            ));
        }
        self.confirm_www(LogEvent::ConfirmedByHand)?;
        Ok(true)
    }

    /// Serves the other slot from now on, without a reset, and says which that is.
    ///
    /// [`ReasonCode::NoWayBack`] if the other slot is not sound, [`ReasonCode::Busy`] during an update of any kind.
    pub(crate) async fn roll_back_www_by_hand(&self, peer: Option<IpAddr>) -> Result<u8, Failure> {
        // Held to the end: no upload may begin to write the slot that is being checked.
        let _session = self.session.begin(Source::Frontend, peer)?;
        let served = self.www.served.get();
        let target = match served {
            Some(Served { slot, .. }) => other(slot),
            None => other(self.www.index.get()),
        };
        let site = self.check_www(target).await.map_err(|failure| {
            let reason = match failure.reason {
                ReasonCode::NoSlot => ReasonCode::NoSlot,
                _ => ReasonCode::NoWayBack,
            };
            Failure::new(
                reason,
                format_args!(
                    "there is no other frontend to go back to: {}",
                    failure.detail
                ),
            )
        })?;
        self.return_www((target, site), LogEvent::RolledBackByHand, None)?;
        Ok(target)
    }
}
