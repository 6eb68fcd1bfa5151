//! Installing an offer: gate, download, verify, activate.

use updraft_image::{Expect, Facts, Text32};
use updraft_protocol::version::{is_newer, parse};
use updraft_protocol::{Digest, Offer, ReasonCode, UpdateStatus};

use crate::board::{Board, Indicator, System};
use crate::event::Event;
use crate::failure::Failure;
use crate::memory::{Install, Subject};
use crate::slot::{SlotWriter, Wanted};
use crate::updater::Updater;

impl<B: Board> Updater<B> {
    /// Installs the offer and makes it boot next. The caller resets the chip.
    ///
    /// On failure the running app is as it was, and what is in the slot is kept only if it can be gone on
    /// with.
    pub(crate) async fn install(&mut self, offer: &Offer) -> Result<(), Failure> {
        self.check_offer(offer)?;
        let wanted = self.wanted(offer)?;
        let mut writer = SlotWriter::begin(&self.flash, &wanted)?;
        if !self.take_up(offer, &mut writer).await? {
            writer = SlotWriter::begin(&self.flash, &wanted)?;
        }
        if writer.received() < offer.size {
            self.mention(&offer.into(), UpdateStatus::Downloading).await;
        }
        let slot = writer.slot();
        let facts = match self.fill(offer, writer).await {
            Ok(facts) => facts,
            Err(failure) => {
                // What arrived of an image that is not acceptable is of no use to any later try.
                if !failure.is_of_the_connection() && failure.reason != ReasonCode::DownloadTimeout
                {
                    self.forget_install();
                }
                return Err(failure);
            }
        };
        self.indicator.show(&Event::Verified {
            version: &offer.version,
        });
        let elf_sha256 = Digest(facts.head.app.app_elf_sha256);
        self.activate(offer, elf_sha256, slot).await
    }

    /// Forgets an install that failed. That this may fail too must not hide why.
    fn forget_install(&mut self) {
        let forgotten = self.memory().and_then(|mut memory| memory.end_install());
        if let Err(failure) = forgotten {
            self.show_failure(&failure);
        }
    }

    /// Downloads what is missing and verifies the whole.
    async fn fill(&mut self, offer: &Offer, mut writer: SlotWriter<'_>) -> Result<Facts, Failure> {
        self.download(offer, &mut writer).await?;
        writer.finish(&mut self.flash, &self.clock).await
    }

    /// What an offer itself tells against it, before a byte is fetched.
    fn check_offer(&mut self, offer: &Offer) -> Result<(), Failure> {
        if self.is_on_trial() {
            return Err(Failure::new(
                ReasonCode::OnTrial,
                "the running app has not been confirmed yet",
            ));
        }
        check_url(&offer.download_url)?;
        let unreadable = |error| Failure::new(ReasonCode::Downgrade, error);
        let offered = parse(&offer.version).map_err(unreadable)?;
        if !offer.allow_downgrade {
            let running = parse(&self.app.version).map_err(unreadable)?;
            if !is_newer(&offered, &running) {
                return Err(Failure::new(
                    ReasonCode::Downgrade,
                    format_args!("{offered} is not newer than the running {running}"),
                ));
            }
        }
        let secure_version = self.system.secure_version();
        if offer.secure_version < secure_version {
            return Err(Failure::new(
                ReasonCode::SecureVersionTooLow,
                format_args!(
                    "secure version {} is below the eFuse's {secure_version}",
                    offer.secure_version
                ),
            ));
        }
        match offer.elf_sha256 {
            Some(elf) => self.memory()?.refused()?.check(elf),
            None => Ok(()),
        }
    }

    fn wanted<'o>(&mut self, offer: &'o Offer) -> Result<Wanted<'o>, Failure> {
        let mut expect = Expect::new()
            .chip(self.system.chip())
            .min_secure_version(self.system.secure_version());
        if let Some(limit) = self.settings.max_image_size {
            expect = expect.max_size(limit);
        }
        if let Some(project) = &self.settings.project {
            let name = Text32::new(project).ok_or_else(|| {
                Failure::new(
                    ReasonCode::WrongProject,
                    format_args!("{project:?} cannot be a project's name: it takes 32 bytes"),
                )
            })?;
            expect = expect.project_name(name);
        }
        Ok(Wanted {
            expect,
            size: offer.size,
            sha256: offer.checksum,
            version: &offer.version,
            elf_sha256: offer.elf_sha256,
            refused: self.memory()?.refused()?,
        })
    }

    /// Goes on with an interrupted install of the same file into the same slot. If there is none, begins a
    /// new one by noting it; the boot records name the slot's old app until the gate has passed. False means that `writer`
    /// was spoiled by a resume that did not work and has to be made again.
    async fn take_up(
        &mut self,
        offer: &Offer,
        writer: &mut SlotWriter<'_>,
    ) -> Result<bool, Failure> {
        let begun = self.memory()?.install()?;
        let slot = writer.slot();
        let mut fresh = true;
        if let Some(begun) = begun
            && begun.slot == slot
            && begun.offer.checksum == offer.checksum
            && begun.offer.size == offer.size
        {
            let written = self.memory()?.written()?;
            if written == 0 {
                return Ok(true);
            }
            // An interrupted activation may have named the slot, which is about to be written again.
            self.flash.release(slot)?;
            match writer.resume(&mut self.flash, written, &self.clock).await {
                Ok(()) => return Ok(true),
                Err(_) => fresh = false,
            }
        }
        let install = Install {
            offer: Subject::from(offer),
            slot,
            previous_version: self.app.version.clone(),
            activated: false,
        };
        // The count first: a note of the new install beside the old count would vouch for old bytes.
        let mut memory = self.memory()?;
        memory.set_written(0)?;
        memory.set_install(&install)?;
        Ok(fresh)
    }

    /// Makes the verified slot boot next, on trial.
    async fn activate(
        &mut self,
        offer: &Offer,
        elf_sha256: Digest,
        slot: u8,
    ) -> Result<(), Failure> {
        let install = Install {
            // The build as the image names it: an offer need not, and the new app is known by nothing else.
            offer: Subject {
                elf_sha256: Some(elf_sha256),
                ..Subject::from(offer)
            },
            slot,
            previous_version: self.app.version.clone(),
            activated: true,
        };
        // Noted before it is done: whatever boots next finds the note and compares it with what runs. What an
        // earlier app died of must not be said of this one.
        let mut memory = self.memory()?;
        memory.forget_problem()?;
        memory.set_install(&install)?;
        self.flash.activate(slot)?;
        self.indicator.show(&Event::Activated {
            slot: updraft_flash::slot::AppSlot::Ota(slot),
        });
        self.mention(&install.offer, UpdateStatus::Rebooting).await;
        Ok(())
    }

    /// Whether the running app is the one this install was to bring.
    pub(crate) fn runs(&self, install: &Install) -> bool {
        let same_build = |elf: Digest| elf == self.app.elf_sha256;
        self.app.slot.ota_index() == Some(install.slot)
            && install
                .offer
                .elf_sha256
                .map_or(install.offer.version == self.app.version, same_build)
    }
}

/// Whether the URL is a path on the server that answered. Behind the server's name, anything else would
/// become part of another name, and the device's token would go there; a line break would end the request.
fn check_url(url: &str) -> Result<(), Failure> {
    if url.starts_with('/') && url.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(());
    }
    Err(Failure::new(
        ReasonCode::ProtocolError,
        format_args!("the download URL {url:?} is not a path on the server"),
    ))
}
