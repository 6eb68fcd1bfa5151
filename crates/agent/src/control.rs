//! What a person may have the device do: confirm the running app, or go back to the other one.

use alloc::format;
use core::convert::Infallible;

use updraft_protocol::SlotState;

use crate::board::Board;
use crate::event::Event;
use crate::failure::Failure;
use crate::log::LogEvent;
use crate::session::Source;
use crate::updater::Updater;

impl<B: Board> Updater<B> {
    /// Confirms the running app before its stability window is over. True if it was on trial; false if there was
    /// nothing to confirm.
    pub fn confirm_by_hand(&self) -> Result<bool, Failure> {
        match self.app.state.get() {
            SlotState::Valid | SlotState::Factory => Ok(false),
            _ => {
                self.confirm(LogEvent::ConfirmedByHand)?;
                Ok(true)
            }
        }
    }

    /// Makes the next boot start the other app: the one before, or `factory`. The running build is not taken again
    /// from the server. The caller reboots the device ([`Self::restart`]).
    ///
    /// [`ReasonCode::NoWayBack`](updraft_protocol::ReasonCode::NoWayBack) if there is no other app that verifies, [`ReasonCode::Busy`](updraft_protocol::ReasonCode::Busy) during an update.
    pub async fn roll_back_by_hand(&self) -> Result<(), Failure> {
        let session = self.session.begin(Source::RollBack, None)?;
        let possible = self.way_back().await?.is_some();
        let elf_sha256 = self.app.elf_sha256;
        self.memory(|memory| {
            memory.refuse(elf_sha256)?;
            memory.set_by_hand()
        })?;
        let rejected = self.flash.borrow_mut().reject(possible);
        if let Err(failure) = rejected {
            self.memory(|memory| memory.forget_problem())?;
            return Err(failure);
        }
        let subject = format!("{} {}", self.app.slot, self.app.version);
        self.log(LogEvent::RolledBackByHand, &subject);
        self.show(&Event::RollingBack);
        // Nothing may be written any more until the reset.
        session.keep_until_reset();
        Ok(())
    }

    /// Resets the chip.
    pub async fn restart(&self) -> Infallible {
        self.reboot().await
    }
}
