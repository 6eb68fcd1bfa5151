//! `POST /api/ota/reboot`: a reset, and what comes before it.

use core::net::IpAddr;

use embedded_io_async::{Read, Write};

use crate::board::{Board, Clock as _};
use crate::local::RESTART_MS;
use crate::local::connection::Connection;
use crate::local::refusal::Refusal;
use crate::local::response::Response;
use crate::session::{Session, Source, Stage};
use crate::updater::Updater;

impl<B: Board> Updater<B> {
    /// Not during an update.
    pub(crate) async fn serve_reboot<S: Read + Write>(
        &self,
        connection: &mut Connection<'_, S, B::Clock>,
        peer: IpAddr,
    ) -> Result<(), Refusal> {
        let session = self.keep_others_out(peer)?;
        let answer = Response::done("rebooting".into());
        self.answer_and_restart(connection, &answer, session).await
    }

    /// Until the reset nobody may begin an update.
    pub(crate) fn keep_others_out(&self, peer: IpAddr) -> Result<Session<'_>, Refusal> {
        let session = self.session.begin(Source::Push, Some(peer))?;
        session.change(|progress| progress.stage = Stage::Rebooting);
        Ok(session)
    }

    /// Answers, then resets the chip [`RESTART_MS`] later, whether the answer got through or not. `held` is what must
    /// live until then.
    pub(crate) async fn answer_and_restart<S: Read + Write, H>(
        &self,
        connection: &mut Connection<'_, S, B::Clock>,
        answer: &Response<'_>,
        held: H,
    ) -> Result<(), Refusal> {
        if let Err(failure) = connection.respond(answer).await {
            self.show_failure(&failure);
        }
        self.clock.sleep_ms(RESTART_MS).await;
        let never = self.restart().await;
        drop(held);
        match never {}
    }
}
