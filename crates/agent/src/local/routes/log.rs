//! `GET /api/ota/log`: the last events.

use alloc::vec::Vec;

use embedded_io_async::{Read, Write};
use updraft_protocol::local::LocalEvent;

use crate::board::Board;
use crate::local::connection::Connection;
use crate::local::refusal::Refusal;
use crate::local::response::Response;
use crate::log::LogEntry;
use crate::updater::Updater;

impl From<LogEntry> for LocalEvent {
    fn from(entry: LogEntry) -> Self {
        Self {
            number: Some(entry.number),
            time: entry.time,
            uptime_seconds: entry.uptime_seconds,
            event: entry.event.as_str().into(),
            subject: entry.subject,
            reason: entry.reason,
            detail: entry.detail,
        }
    }
}

impl<B: Board> Updater<B> {
    pub(crate) async fn serve_log<S: Read + Write>(
        &self,
        connection: &mut Connection<'_, S, B::Clock>,
    ) -> Result<(), Refusal> {
        let entries = self.memory(|memory| memory.log())?;
        // A `LocalLog`, written event by event: as one value it would be in memory twice.
        let mut json = Vec::from(*b"{\"events\":[");
        for (place, entry) in entries.into_iter().enumerate() {
            if place > 0 {
                json.push(b',');
            }
            // Strings and numbers always make JSON.
            let event = serde_json::to_vec(&LocalEvent::from(entry)).unwrap_or_default();
            json.extend_from_slice(&event);
        }
        json.extend_from_slice(b"]}");
        Ok(connection.respond(&Response::json_text(200, json)).await?)
    }
}
