//! Asking the server what to run.

use alloc::string::ToString;

use updraft_protocol::api::Attributes;
use updraft_protocol::{CheckIn, CheckInReply};

use crate::board::{Board, Clock, System};
use crate::event::Event;
use crate::failure::Failure;
use crate::http::post_json;
use crate::updater::Updater;

impl<B: Board> Updater<B> {
    /// Tells the server what runs here, and gets an offer or none.
    pub(crate) async fn check_in(&self) -> Result<CheckInReply, Failure> {
        let Attributes {
            region,
            site,
            group,
            tags,
            utc_offset_minutes,
        } = (*self.settings.attributes).clone();
        let body = CheckIn {
            device_type: self.settings.device_type.clone(),
            version: self.app.version.clone(),
            elf_sha256: Some(self.app.elf_sha256),
            slot: Some(self.app.slot.to_string()),
            state: Some(self.app.state.get()),
            reset_reason: Some(self.system.reset_reason()),
            chip: Some(self.system.chip().name().into()),
            secure_version: Some(self.system.secure_version()),
            slot_size: self.flash.borrow().smallest_free_slot(),
            uptime_seconds: u32::try_from(self.clock.now_ms() / 1000).ok(),
            poll_seconds: Some(self.settings.poll_seconds),
            region,
            site,
            group,
            tags,
            utc_offset_minutes,
        };
        let path = alloc::format!("/api/devices/{}/check-in", self.settings.device_id);
        let reply: CheckInReply = self.post(&path, &body).await?.json()?;
        let offer = reply.offer.as_ref().map(|offer| offer.version.as_str());
        self.show(&Event::CheckedIn { offer });
        Ok(reply)
    }

    /// Posts JSON with this device's token. A token the server does not know is enrolled once, then the
    /// request is made again.
    pub(crate) async fn post(
        &self,
        path: &str,
        body: &impl serde::Serialize,
    ) -> Result<crate::http::Answer, Failure> {
        let url = alloc::format!("{}{path}", self.settings.server()?);
        let mut token = self.token().await?;
        let mut enrolled = false;
        loop {
            let answer = post_json(
                &self.network,
                &self.clock,
                self.settings.io_timeout_seconds,
                &url,
                token.as_deref(),
                body,
            )
            .await?;
            if answer.status != 401 || enrolled || !self.may_enrol() {
                return Ok(answer);
            }
            token = Some(self.enrol().await?);
            enrolled = true;
        }
    }
}
