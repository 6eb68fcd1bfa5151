//! Taking a new image of web assets.

use alloc::string::ToString;
use core::net::IpAddr;

use updraft_protocol::{Digest, ReasonCode};

use super::check::no_slots;
use super::other;
use crate::board::Board;
use crate::failure::Failure;
use crate::intake::Intake;
use crate::session::{Source, Stage};
use crate::slot::{Size, SlotWriter, Target, WwwContent};
use crate::updater::Updater;

/// Who confirms a new frontend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Confirm {
    /// The device, once every file is what the manifest says.
    Manifest,
    /// A browser that has loaded it.
    Browser,
}

/// An image of web assets on its way.
pub(crate) type WwwIntake<'d, B> = Intake<'d, B, WwwContent>;

impl<B: Board> Updater<B> {
    /// Begins to take an image, into the slot that is not served.
    ///
    /// Errors: another update is under way, the frontend is on trial and the slot its way back, there are no slots.
    pub(crate) fn begin_frontend(
        &self,
        source: Source,
        peer: Option<IpAddr>,
        size: Size,
        sha256: Option<Digest>,
    ) -> Result<WwwIntake<'_, B>, Failure> {
        let session = self.session.begin(source, peer)?;
        let windows = self.flash.borrow().www().ok_or_else(no_slots)?;
        if self.www.trial.get().is_some() {
            return Err(Failure::new(
                ReasonCode::OnTrial,
                "the running frontend has not been confirmed yet, and the other slot is its way back; confirm it, \
                 roll it back, or wait",
            ));
        }
        let served = self.www.served.get();
        let slot = other(served.map_or(self.www.index.get(), |served| served.slot));
        let target = Target::Www(slot);
        let window = windows[usize::from(slot)];
        let content = WwwContent::new(window.size, size, sha256);
        // Whether it fits is the content's to say, once the first bytes have told what it is.
        let writer = SlotWriter::new(target, window, size, size.limit(), content)?;
        session.change(|progress| {
            progress.slot = target.to_string();
            progress.total = size.limit();
        });
        Ok(Intake {
            updater: self,
            session,
            writer,
            note: None,
        })
    }

    /// Verifies what arrived, mounts it, reads every file, and has it served from the next boot on. The caller answers,
    /// then restarts the device.
    pub(crate) async fn complete_frontend(
        &self,
        intake: &mut WwwIntake<'_, B>,
        confirm: Confirm,
    ) -> Result<(), Failure> {
        intake.verify().await?;
        let Target::Www(slot) = intake.target() else {
            return Err(no_slots());
        };
        let site = self.check_www(slot).await?;
        self.switch_www(slot, &site, confirm == Confirm::Browser)?;
        intake
            .session
            .change(|progress| progress.stage = Stage::Rebooting);
        Ok(())
    }
}
