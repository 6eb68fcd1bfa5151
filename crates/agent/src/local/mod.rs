//! What a device serves on its own network: pushing an app, its state, and a small page for people.
//!
//! [`Updater::serve_http`] serves one connection, whatever brought its bytes: the sockets are the caller's. One
//! request a connection (`Connection: close`): a device has few sockets, and a browser that keeps one open would
//! keep others out.
//!
//! # Memory
//! A connection takes [`MAX_LOCAL_FUTURE`] for its future, without the stream. On the heap it takes [`HEAD`] for what
//! arrives, as much as the request's head has, and what its route needs: at the most [`MAX_LOCAL_UPLOAD_HEAP`] in all
//! for an upload, of which there is one at a time, and [`MAX_LOCAL_HEAP`] for the whole log. On a 64-bit host: a future
//! of 5,696 bytes, 7,016 bytes of heap for a push, 6,491 for the status, 16,435 for a log of 32 events (the test
//! `local_memory` measures and prints them). Stack: some 2 KiB while the head is parsed.
//!
//! # Who may do what
//! Reading is open to everyone on the network. Whatever changes something (every `POST`) needs the push token where one
//! is set, and must not come from a page of another site. Nothing is begun before that is checked.

mod auth;
mod connection;
mod multipart;
mod refusal;
mod request;
mod response;
mod router;
mod routes;

use core::net::IpAddr;

use embedded_io_async::{Read, Write};

use crate::board::Board;
use crate::updater::Updater;
use connection::Connection;

/// TCP port of the device's page and API. Both ports serve the same.
pub const HTTP_PORT: u16 = 80;

/// TCP port seed 001 pushes to.
pub const OTA_PORT: u16 = 3232;

/// Connections a device serves at a time; further ones wait. One uploads, one is the page that shows its progress, and
/// two are for whoever else looks or is told that the device is busy.
pub const MAX_CONNECTIONS: usize = 4;

/// Most bytes of a request's head: a browser sends some 600, and every connection holds as many.
pub const HEAD: usize = 2048;

/// Most headers of a request; a browser sends some 15.
pub const MAX_HEADERS: usize = 32;

/// Milliseconds in which the whole head must have come, so that a client that sends a byte now and then goes.
pub const HEAD_MS: u64 = 10_000;

/// Milliseconds without a byte of the body after which an upload is given up (seed 001).
pub const STALL_MS: u64 = 30_000;

/// Milliseconds a client has to take an answer.
pub const WRITE_MS: u64 = 10_000;

/// Bytes of the body read at a time (seed 001's buffer).
pub const READ: usize = 1024;

/// Most bytes of a refused body that are read and dropped, so that the client gets to the answer: closing at once
/// would reset the connection under it.
pub const DRAIN: u32 = 256 * 1024;

/// Milliseconds that may take.
pub const DRAIN_MS: u64 = 5000;

/// Milliseconds from an answer that announces a reset to the reset (seed 001).
pub const RESTART_MS: u64 = 1000;

/// Most bytes the future of [`Updater::serve_http`] has, without the stream.
pub const MAX_LOCAL_FUTURE: usize = 8 * 1024;

/// Most bytes of heap a connection uses that uploads nothing; the log is the largest answer.
pub const MAX_LOCAL_HEAP: usize = 20 * 1024;

/// Most bytes of heap an upload uses, of which there is one at a time.
pub const MAX_LOCAL_UPLOAD_HEAP: usize = 8 * 1024;

impl<B: Board> Updater<B> {
    /// Serves one connection to the end. `peer` is who is named to others while this one updates.
    pub async fn serve_http(&self, stream: &mut (impl Read + Write), peer: IpAddr) {
        let mut connection = Connection::new(stream, &self.clock);
        let request = match connection.read_head().await {
            Ok(Some(request)) => request,
            // Whoever asks nothing gets no answer.
            Ok(None) => return,
            Err(refusal) => {
                connection.refuse(&refusal).await;
                return;
            }
        };
        if let Err(refusal) = self.route(&mut connection, &request, peer).await {
            connection.refuse(&refusal).await;
            if refusal.blinks {
                self.lights.failed(&self.clock).await;
            }
        }
    }
}
