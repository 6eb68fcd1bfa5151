//! `POST /api/ota/confirm`: the running app is good.

use alloc::format;

use embedded_io_async::{Read, Write};

use crate::board::Board;
use crate::local::connection::Connection;
use crate::local::refusal::Refusal;
use crate::local::response::Response;
use crate::updater::Updater;

impl<B: Board> Updater<B> {
    pub(crate) async fn serve_confirm<S: Read + Write>(
        &self,
        connection: &mut Connection<'_, S, B::Clock>,
    ) -> Result<(), Refusal> {
        let version = &self.app.version;
        let message = if self.confirm_by_hand()? {
            format!("{version} is confirmed")
        } else {
            format!("{version} was confirmed already")
        };
        Ok(connection.respond(&Response::done(message)).await?)
    }
}
