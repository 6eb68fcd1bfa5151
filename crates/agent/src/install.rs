//! Installing an offer: gate, download, verify, activate.

use alloc::format;
use alloc::string::String;

use updraft_image::{Expect, Facts, Text32};
use updraft_protocol::version::{is_newer, parse};
use updraft_protocol::{Digest, Offer, ReasonCode, UpdateStatus};

use crate::board::{Board, Clock, System};
use crate::event::Event;
use crate::failure::Failure;
use crate::guard::Trial;
use crate::intake::{AppIntake, Intake};
use crate::log::LogEvent;
use crate::memory::{Install, Subject};
use crate::session::{Source, Stage};
use crate::slot::{Size, Target, Wanted};
use crate::updater::Updater;
use crate::window::{Held, Window};

/// What the log calls an update.
pub(crate) fn subject(target: Target, version: &str) -> String {
    format!("{target} {version}")
}

impl<B: Board> Updater<B> {
    /// Installs the offer and reboots into it; returns only if its window is not open.
    ///
    /// On failure the running app is as it was, and what is in the slot is kept only if it can be gone on
    /// with.
    pub(crate) async fn install(&self, offer: &Offer) -> Result<Held, Failure> {
        let window = Window::of(offer, self.clock.now_ms());
        self.check_offer(offer)?;
        if let Some(held) = self.waits_for(offer, &window)? {
            return Ok(held);
        }
        let wanted = self.wanted(offer)?;
        let session = self.session.begin(Source::Pull, None)?;
        let mut intake = self.take_app(session, &wanted)?;
        if !self.take_up(offer, &mut intake).await? {
            let Intake { session, note, .. } = intake;
            intake = self.take_app(session, &wanted)?;
            intake.note = note;
        }
        if intake.received() < offer.size {
            self.mention(&offer.into(), UpdateStatus::Downloading).await;
        }
        let failure = match self.fill(offer, &mut intake, &window).await {
            Ok(held) => return Ok(held),
            Err(failure) => failure,
        };
        // What arrived of an image that is not acceptable is of no use to any later try. One that is whole and only
        // could not be made to boot is.
        let goes_on = matches!(
            failure.reason,
            ReasonCode::DownloadTimeout | ReasonCode::ActivationFailed
        );
        if !failure.is_of_the_connection() && !goes_on {
            self.forget_install();
        }
        intake.give_up(&failure);
        Err(failure)
    }

    /// Forgets an install that failed. That this may fail too must not hide why.
    pub(crate) fn forget_install(&self) {
        let forgotten = self.memory(|memory| memory.end_install());
        if let Err(failure) = forgotten {
            self.show_failure(&failure);
        }
    }

    /// Downloads what is missing, verifies the whole, and reboots into it if its window is open.
    async fn fill(
        &self,
        offer: &Offer,
        intake: &mut AppIntake<'_, B>,
        window: &Window,
    ) -> Result<Held, Failure> {
        self.download(offer, intake).await?;
        let facts = intake.verify().await?;
        if let Some(held) = window.hold(self.clock.now_ms()) {
            return Ok(self.hold(offer, held).await);
        }
        self.activate(&offer.into(), &facts, intake)?;
        self.mention(&offer.into(), UpdateStatus::Rebooting).await;
        match self.reboot().await {}
    }

    /// What an offer itself tells against it, before a byte is fetched.
    fn check_offer(&self, offer: &Offer) -> Result<(), Failure> {
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
            Some(elf) => self.memory(|memory| memory.refused())?.check(elf),
            None => Ok(()),
        }
    }

    fn wanted<'o>(&'o self, offer: &'o Offer) -> Result<Wanted<'o>, Failure> {
        let mut expect = Expect::new()
            .chip(self.system.chip())
            .min_secure_version(self.system.secure_version());
        if let Some(limit) = self.settings.max_image_size {
            expect = expect.max_size(limit);
        }
        let expect = self.expect_project(expect)?;
        Ok(Wanted {
            expect,
            size: Size::Exact(offer.size),
            sha256: Some(offer.checksum),
            version: Some(&offer.version),
            // Compared before the first byte was asked for.
            at_least: None,
            elf_sha256: offer.elf_sha256,
            refused: self.memory(|memory| memory.refused())?,
        })
    }

    pub(crate) fn expect_project(&self, expect: Expect) -> Result<Expect, Failure> {
        let Some(project) = &self.settings.project else {
            return Ok(expect);
        };
        let name = Text32::new(project).ok_or_else(|| {
            Failure::new(
                ReasonCode::WrongProject,
                format_args!("{project:?} cannot be a project's name: it takes 32 bytes"),
            )
        })?;
        Ok(expect.project_name(name))
    }

    /// Goes on with an interrupted install of the same file into the same slot. If there is none, begins a
    /// new one by noting it; the boot records name the slot's old app until the gate has passed. False means that
    /// `intake` was spoiled by a resume that did not work and has to be made again.
    async fn take_up(&self, offer: &Offer, intake: &mut AppIntake<'_, B>) -> Result<bool, Failure> {
        let Target::App(slot) = intake.target() else {
            return Ok(true);
        };
        let begun = self.memory(|memory| memory.install())?;
        let mut fresh = true;
        if let Some(begun) = begun
            && begun.slot == slot
            && begun.offer.checksum == offer.checksum
            && begun.offer.size == offer.size
        {
            let written = self.memory(|memory| memory.written())?;
            intake.note = Some(begun);
            if written == 0 {
                return Ok(true);
            }
            // An interrupted activation may have named the slot, which is about to be written again.
            self.flash.borrow_mut().release(slot)?;
            let writer = &mut intake.writer;
            match writer.resume(&self.flash, written, &self.clock).await {
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
        self.memory(|memory| {
            memory.set_written(0)?;
            memory.set_install(&install)
        })?;
        intake.note = Some(install);
        Ok(fresh)
    }

    /// Makes the verified slot boot next, on trial.
    pub(crate) fn activate(
        &self,
        subject: &Subject,
        facts: &Facts,
        intake: &AppIntake<'_, B>,
    ) -> Result<(), Failure> {
        let Target::App(slot) = intake.target() else {
            return Err(Failure::new(
                ReasonCode::ActivationFailed,
                "only an OTA slot can be booted",
            ));
        };
        self.show(&Event::Verified {
            version: &subject.version,
        });
        let install = Install {
            // The build as the image names it: an offer need not, and the new app is known by nothing else.
            offer: Subject {
                elf_sha256: Some(Digest(facts.head.app.app_elf_sha256)),
                ..subject.clone()
            },
            slot,
            previous_version: self.app.version.clone(),
            activated: true,
        };
        let elf_sha256 = Digest(facts.head.app.app_elf_sha256);
        // Noted before it is done: whatever boots next finds the note and compares it with what runs. What an
        // earlier app died of must not be said of this one. The trial, of no boots yet, goes before the note: beside
        // the boots of an earlier try the note would say that this one was tried.
        self.memory(|memory| {
            memory.forget_problem()?;
            let broken = memory.broken_slots()?;
            memory.set_broken_slots(broken & !(1 << slot))?;
            let before = memory.trial()?;
            memory.set_trial(&Trial::next(slot, elf_sha256, before.as_ref()))?;
            memory.set_install(&install)
        })?;
        self.log(
            LogEvent::Activated,
            &self::subject(intake.target(), &subject.version),
        );
        self.flash.borrow_mut().activate(slot)?;
        intake
            .session
            .change(|progress| progress.stage = Stage::Rebooting);
        self.show(&Event::Activated {
            slot: updraft_flash::slot::AppSlot::Ota(slot),
        });
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
