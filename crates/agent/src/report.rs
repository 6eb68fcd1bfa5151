//! Telling the server what came of an offer.

use alloc::string::ToString;
use alloc::vec::Vec;

use updraft_protocol::report::MAX_DETAIL;
use updraft_protocol::{Report, UpdateStatus};

use crate::board::{Board, Clock, System};
use crate::failure::Failure;
use crate::memory::Subject;
use crate::updater::Updater;
use crate::words::plain;

impl<B: Board> Updater<B> {
    pub(crate) fn new_report(&self, offer: &Subject, status: UpdateStatus) -> Report {
        Report {
            firmware_version: offer.version.clone(),
            update_status: status,
            updated_at: self.clock.unix_time(),
            previous_version: None,
            firmware_id: offer.firmware_id.clone(),
            reason: None,
            detail: None,
            elf_sha256: Some(self.app.elf_sha256),
            slot: Some(self.app.slot.to_string()),
            reset_reason: Some(self.system.reset_reason()),
            checks: Vec::new(),
            bytes_written: None,
            duration_seconds: None,
        }
    }

    /// Sends a report that may get lost: the device's later words make up for it.
    pub(crate) async fn mention(&self, offer: &Subject, status: UpdateStatus) {
        if self.settings.server.is_none() {
            return;
        }
        let report = self.new_report(offer, status);
        if let Err(failure) = self.send(&report).await {
            self.show_failure(&failure);
        }
    }

    /// Keeps an outcome in flash until the server has acknowledged it.
    fn keep_report(
        &self,
        offer: &Subject,
        status: UpdateStatus,
        failure: &Failure,
    ) -> Result<(), Failure> {
        let report = Report {
            reason: Some(failure.reason),
            detail: Some(plain(&failure.detail, MAX_DETAIL)),
            ..self.new_report(offer, status)
        };
        self.memory(|memory| memory.set_report(&report))
    }

    /// Keeps the report of an update that did not work.
    pub(crate) fn keep_failure(&self, offer: &Subject, failure: &Failure) {
        let status = if failure.reason.is_transient() {
            UpdateStatus::Failed
        } else {
            UpdateStatus::Rejected
        };
        if let Err(failure) = self.keep_report(offer, status, failure) {
            self.show_failure(&failure);
        }
    }

    /// Hands over the outcome kept in flash, if there is one.
    pub(crate) async fn send_kept_report(&self) -> Result<(), Failure> {
        if self.settings.server.is_none() {
            return Ok(());
        }
        let Some(report) = self.memory(|memory| memory.report())? else {
            return Ok(());
        };
        self.send(&report).await?;
        self.memory(|memory| memory.report_sent())
    }

    async fn send(&self, report: &Report) -> Result<(), Failure> {
        self.orders.say(report);
        let path = alloc::format!("/api/devices/{}/reports", self.settings.device_id);
        let answer = self.post(&path, report).await?;
        match answer.status {
            // Who is asking, or how often, may be mended; the report stays the same.
            401 | 403 | 408 | 425 | 429 => answer.success(),
            // A report the server will never take must not block the check-ins after it.
            400..500 => Ok(()),
            _ => answer.success(),
        }
    }
}
