//! `GET /api/ota/status`: what runs, what would come next, what is under way.

use alloc::string::ToString as _;

use embedded_io_async::{Read, Write};
use updraft_flash::slot::AppSlot;
use updraft_image::{GATE_SIZE, Head};
use updraft_protocol::SlotState;
use updraft_protocol::local::{LocalApp, LocalEvent, LocalSession, LocalSlot, LocalStatus};

use crate::board::{Board, Clock as _, System as _};
use crate::failure::Failure;
use crate::local::connection::Connection;
use crate::local::refusal::Refusal;
use crate::local::response::Response;
use crate::log::LogEvent;
use crate::session::Progress;
use crate::updater::Updater;

impl From<Progress> for LocalSession {
    fn from(progress: Progress) -> Self {
        Self {
            source: progress.source.to_string(),
            peer: progress.peer.map(|peer| peer.to_string()),
            slot: progress.slot,
            stage: progress.stage.as_str().into(),
            written: progress.written,
            total: progress.total,
        }
    }
}

impl<B: Board> Updater<B> {
    pub(crate) async fn serve_status<S: Read + Write>(
        &self,
        connection: &mut Connection<'_, S, B::Clock>,
    ) -> Result<(), Refusal> {
        let response = Response::json(200, &self.local_status()?);
        Ok(connection.respond(&response).await?)
    }

    /// What the device says of itself. Reads a few KiB of flash and verifies nothing: pages ask every second.
    pub(crate) fn local_status(&self) -> Result<LocalStatus, Failure> {
        let app = self.flash.borrow_mut().running_app()?;
        let text = |text: Result<&str, _>| text.unwrap_or_default().to_string();
        let otadata = self.flash.borrow_mut().otadata()?;
        let state = self.app.state.get();
        let broken = self.memory(|memory| memory.broken_slots())?;
        let next = self.flash.borrow().next_slot(broken).ok();
        Ok(LocalStatus {
            device_id: self.settings.device_id.clone(),
            chip: self.system.chip().to_string(),
            running: LocalApp {
                slot: self.app.slot.to_string(),
                version: self.app.version.clone(),
                project: text(app.project_name()),
                compiled: alloc::format!("{} {}", text(app.date()), text(app.time())),
                idf_version: text(app.idf_ver()),
                elf_sha256: self.app.elf_sha256,
                secure_version: app.secure_version,
            },
            state,
            bootloader: self.bootloader.get(),
            boot_slot: otadata.slot().map(|slot| AppSlot::Ota(slot).to_string()),
            mismatch: state == SlotState::Fallback,
            free_space: next.map_or(0, |(_, window)| window.size),
            next: next.and_then(|(slot, _)| self.local_slot(AppSlot::Ota(slot))),
            rollback: self
                .way_back_candidate()?
                .and_then(|slot| self.local_slot(slot))
                .filter(|slot| slot.version.is_some()),
            reset_reason: self.system.reset_reason(),
            uptime_seconds: u32::try_from(self.clock.now_ms() / 1000).unwrap_or(u32::MAX),
            secure_version: self.system.secure_version(),
            www_slot: self.www_slot(),
            www: self.www_status(),
            push_auth: self.push_auth()?.as_str().into(),
            session: self.session.progress().map(LocalSession::from),
            last_result: self.last_result()?,
        })
    }

    fn local_slot(&self, slot: AppSlot) -> Option<LocalSlot> {
        let mut flash = self.flash.borrow_mut();
        let window = flash.app_window(slot)?;
        let mut first = [0; GATE_SIZE];
        let head = flash
            .read(window, 0, &mut first)
            .ok()
            .and_then(|()| Head::parse(&first).ok());
        Some(LocalSlot {
            slot: slot.to_string(),
            size: window.size,
            version: head.and_then(|head| head.app.version().ok().map(Into::into)),
        })
    }

    /// The newest event of the log that ended something; or the last failure, which is not in the log if it was turned
    /// away before it changed anything.
    fn last_result(&self) -> Result<Option<LocalEvent>, Failure> {
        let mut entries = self.memory(|memory| memory.log())?;
        let ended = |event| !matches!(event, LogEvent::Begun | LogEvent::Rearmed);
        entries.retain(|entry| ended(entry.event));
        let logged = entries.pop();
        let Some(failure) = self.last_failure.borrow().clone() else {
            return Ok(logged.map(LocalEvent::from));
        };
        let same = logged.filter(|entry| {
            entry.event == LogEvent::Failed && entry.reason == Some(failure.reason)
        });
        Ok(Some(LocalEvent {
            number: same.as_ref().map(|entry| entry.number),
            time: same.as_ref().and_then(|entry| entry.time),
            uptime_seconds: same.as_ref().map_or(0, |entry| entry.uptime_seconds),
            event: LogEvent::Failed.as_str().into(),
            subject: same.map(|entry| entry.subject).unwrap_or_default(),
            reason: Some(failure.reason),
            detail: failure.detail,
        }))
    }
}
