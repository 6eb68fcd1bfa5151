//! `POST /api/ota/rollback`: back to the other app.

use core::net::IpAddr;

use embedded_io_async::{Read, Write};

use crate::board::Board;
use crate::local::connection::Connection;
use crate::local::refusal::Refusal;
use crate::local::response::Response;
use crate::updater::Updater;

impl<B: Board> Updater<B> {
    pub(crate) async fn serve_rollback<S: Read + Write>(
        &self,
        connection: &mut Connection<'_, S, B::Clock>,
        peer: IpAddr,
    ) -> Result<(), Refusal> {
        self.roll_back_by_hand().await?;
        // Whoever began meanwhile is cut off by the reset, as by any other.
        let session = self.keep_others_out(peer).ok();
        let answer = Response::done("going back to the other app, rebooting".into());
        self.answer_and_restart(connection, &answer, session).await
    }
}
