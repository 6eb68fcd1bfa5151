//! One update of one slot under way: the session, the writer, and what to do when a slot is worn out.

use alloc::format;
use alloc::string::ToString;

use updraft_protocol::ReasonCode;

use crate::board::{Board, Clock};
use crate::event::Event;
use crate::failure::Failure;
use crate::log::LogEvent;
use crate::memory::Install;
use crate::session::{Session, Source, Stage};
use crate::slot::{AppContent, Content, Pushed, SlotWriter, Target, Wanted};
use crate::updater::Updater;

/// Bytes on their way into a slot that is not in use. Dropped before its end, it leaves nothing that would boot.
pub(crate) struct Intake<'d, B: Board, C> {
    pub(crate) updater: &'d Updater<B>,
    pub(crate) session: Session<'d>,
    pub(crate) writer: SlotWriter<C>,
    /// The note of the install this belongs to, if it can be gone on with after a reset.
    pub(crate) note: Option<Install>,
}

impl<B: Board, C: Content> Intake<'_, B, C> {
    /// Bytes taken so far.
    pub(crate) fn received(&self) -> u32 {
        self.writer.received()
    }

    /// The slot they go to.
    pub(crate) fn target(&self) -> Target {
        self.writer.target()
    }

    /// Takes bytes in the order of the file. Goes on in another slot if this one will not take them.
    pub(crate) async fn push(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let before = self.writer.received();
        let (updater, first) = (self.updater, First::of(self));
        let (flash, clock) = (&updater.flash, &updater.clock);
        let mut accepted = || updater.accept(&first);
        let pushed = self.writer.push(flash, bytes, clock, &mut accepted).await;
        let pushed = match pushed {
            Err(failure) if self.writer.is_broken() => {
                self.change_slot(failure).await?;
                let taken = (self.writer.received() - before) as usize;
                let left = bytes.get(taken..).unwrap_or_default();
                self.writer.push(flash, left, clock, &mut accepted).await?
            }
            other => other?,
        };
        let written = self.writer.written();
        let total = self.writer.size().limit();
        self.session.change(|progress| progress.written = written);
        if self.writer.is_accepted() {
            updater.lights.written(written, total);
        }
        if let Pushed::Checkpoint(written) = pushed {
            if self.note.is_some() {
                updater.memory(|memory| memory.set_written(written))?;
            }
            updater.show(&Event::Progress {
                received: written,
                total,
            });
        }
        Ok(())
    }

    /// Verifies the whole, as it arrived and as it is read back.
    pub(crate) async fn verify(&mut self) -> Result<C::Facts, Failure> {
        self.session
            .change(|progress| progress.stage = Stage::Verifying);
        let (updater, first) = (self.updater, First::of(self));
        let verifying = || updater.lights.verifying(updater.clock.now_ms());
        let mut accepted = || updater.accept(&first);
        loop {
            let verdict = self
                .writer
                .finish(&updater.flash, &updater.clock, &mut accepted, &verifying)
                .await;
            match verdict {
                // The very last piece may be what the slot will not take.
                Err(failure) if self.writer.is_broken() => self.change_slot(failure).await?,
                verdict => return verdict,
            }
        }
    }

    /// Ends an update that did not work.
    pub(crate) fn give_up(self, failure: &Failure) {
        // What was turned away at the gate has changed nothing, and the log is not for strangers to fill.
        if self.writer.is_accepted() {
            let target = self.writer.target().to_string();
            self.updater.log_failure(LogEvent::Failed, &target, failure);
        }
        *self.updater.last_failure.borrow_mut() = Some(failure.clone());
        self.updater.show_failure(failure);
    }

    /// Marks the slot as failed and goes on in the next one, if there is one that is neither running nor failed.
    async fn change_slot(&mut self, failure: Failure) -> Result<(), Failure> {
        let mut failure = failure;
        while self.writer.is_broken() {
            let Target::App(slot) = self.writer.target() else {
                return Err(failure);
            };
            let updater = self.updater;
            updater.log_failure(LogEvent::SlotFailed, &format!("ota_{slot}"), &failure);
            let broken = updater.memory(|memory| {
                let broken = memory.broken_slots()? | 1 << slot;
                memory.set_broken_slots(broken)?;
                Ok(broken)
            })?;
            let next = updater.flash.borrow().next_slot(broken)?;
            if broken & (1 << next.0) != 0 {
                return Err(failure);
            }
            updater.show(&Event::SlotFailed {
                slot: Target::App(slot),
                next: Target::App(next.0),
                failure: &failure,
            });
            if let Some(note) = &mut self.note {
                note.slot = next.0;
                // The count first: a note of the new slot beside the old count would vouch for bytes not there.
                updater.memory(|memory| {
                    memory.set_written(0)?;
                    memory.set_install(note)
                })?;
            }
            let target = Target::App(next.0);
            self.session
                .change(|progress| progress.slot = target.to_string());
            let moved = self
                .writer
                .move_to(&updater.flash, target, next.1, &updater.clock)
                .await;
            match moved {
                Err(again) if self.writer.is_broken() => failure = again,
                moved => return moved,
            }
        }
        Ok(())
    }
}

/// What is to be said and noted when the first piece of an update was acceptable.
struct First {
    source: Source,
    target: Target,
    /// Whether an earlier update, which could have been gone on with, ends here.
    ends_install: bool,
}

impl First {
    fn of<B: Board, C: Content>(intake: &Intake<'_, B, C>) -> Self {
        let target = intake.writer.target();
        Self {
            source: intake.session.source(),
            target,
            ends_install: intake.note.is_none() && matches!(target, Target::App(_)),
        }
    }
}

/// An app image on its way.
pub(crate) type AppIntake<'d, B> = Intake<'d, B, AppContent<'d>>;

impl<B: Board> Updater<B> {
    /// Begins to take an app image, into the slot the next update goes to.
    pub(crate) fn take_app<'d>(
        &'d self,
        session: Session<'d>,
        wanted: &Wanted<'d>,
    ) -> Result<AppIntake<'d, B>, Failure> {
        if self.is_on_trial() {
            return Err(Failure::new(
                ReasonCode::OnTrial,
                "the running app has not been confirmed yet, and the other slot is its way back; \
                 confirm it or wait",
            ));
        }
        let broken = self.memory(|memory| memory.broken_slots())?;
        let (slot, window) = self.flash.borrow().next_slot(broken)?;
        let target = Target::App(slot);
        let limit = wanted
            .expect
            .max_size
            .map_or(window.size, |max| max.min(window.size));
        let content = AppContent::new(wanted, window.size);
        let writer = SlotWriter::new(target, window, wanted.size, limit, content)?;
        session.change(|progress| {
            progress.slot = target.to_string();
            progress.total = wanted.size.limit();
        });
        Ok(Intake {
            updater: self,
            session,
            writer,
            note: None,
        })
    }

    /// The first piece of an update is acceptable; nothing has been erased yet.
    fn accept(&self, first: &First) -> Result<(), Failure> {
        if first.ends_install {
            self.memory(|memory| memory.end_install())?;
        }
        if let Target::Www(slot) = first.target {
            self.release_www(slot)?;
        }
        self.lights.begin();
        self.log(
            LogEvent::Begun,
            &format!("{} {}", first.target, first.source),
        );
        self.show(&Event::Begun {
            source: first.source,
            slot: first.target,
        });
        Ok(())
    }
}
