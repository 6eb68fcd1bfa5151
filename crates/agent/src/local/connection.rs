//! One connection: its head, its body piece by piece, its answer; every wait bounded.

use alloc::boxed::Box;
use alloc::format;

use embassy_futures::select::{Either, select};
use embedded_io_async::{Read, Write};
use updraft_protocol::ReasonCode;

use super::refusal::Refusal;
use super::request::{Parsed, Request};
use super::response::Response;
use super::{DRAIN, DRAIN_MS, HEAD, HEAD_MS, READ, STALL_MS, WRITE_MS};
use crate::board::Clock;
use crate::failure::Failure;

/// One connection.
pub(crate) struct Connection<'c, S, C> {
    stream: &'c mut S,
    clock: &'c C,
    buffer: Box<[u8; HEAD]>,
    /// The part of `buffer` that has arrived and was not taken yet.
    start: usize,
    end: usize,
    /// Bytes of the body that were not taken yet.
    left: u32,
    /// Bytes of the body in all.
    length: u32,
    /// Whether the client sends its body only when told to.
    waits: bool,
    /// Whether the answer goes without its body.
    head_only: bool,
}

impl<'c, S: Read + Write, C: Clock> Connection<'c, S, C> {
    pub(crate) fn new(stream: &'c mut S, clock: &'c C) -> Self {
        Self {
            stream,
            clock,
            buffer: Box::new([0; HEAD]),
            start: 0,
            end: 0,
            left: 0,
            length: 0,
            waits: false,
            head_only: false,
        }
    }

    /// Reads the request's head. None if the client went without sending a byte.
    pub(crate) async fn read_head(&mut self) -> Result<Option<Request>, Refusal> {
        let deadline = self.clock.now_ms() + HEAD_MS;
        loop {
            let left = deadline.saturating_sub(self.clock.now_ms());
            let Some(room) = self
                .buffer
                .get_mut(self.end..)
                .filter(|room| !room.is_empty())
            else {
                return Err(Refusal::head_too_large());
            };
            let read = select(self.stream.read(room), self.clock.sleep_ms(left)).await;
            let count = match read {
                Either::First(Ok(count)) if count > 0 => count,
                Either::First(_) if self.end == 0 => return Ok(None),
                Either::First(_) => {
                    return Err(Refusal::bad_request("the request ended within its head"));
                }
                Either::Second(()) => return Err(Refusal::head_timeout()),
            };
            self.end = (self.end + count).min(HEAD);
            let arrived = self.buffer.get(..self.end).unwrap_or_default();
            match Request::parse(arrived)? {
                Parsed::Partial => {}
                Parsed::Whole { request, length } => {
                    self.start = length;
                    self.left = request.content_length()?.unwrap_or(0);
                    self.length = self.left;
                    self.waits = request.expects_continue();
                    self.head_only = request.is_head();
                    return Ok(Some(request));
                }
            }
        }
    }

    /// Tells a client that waits for it to send its body.
    pub(crate) async fn invite_body(&mut self) -> Result<(), Failure> {
        if !core::mem::take(&mut self.waits) {
            return Ok(());
        }
        self.write(&[b"HTTP/1.1 100 Continue\r\n\r\n"]).await
    }

    /// The next bytes of the body, at most [`READ`]; empty at its end. What comes after it is never read.
    pub(crate) async fn read_body(&mut self) -> Result<&[u8], Failure> {
        if self.left == 0 {
            return Ok(&[]);
        }
        let wanted = READ.min(self.left as usize);
        if self.start == self.end {
            let Some(room) = self.buffer.get_mut(..wanted) else {
                return Ok(&[]);
            };
            let read = select(self.stream.read(room), self.clock.sleep_ms(STALL_MS)).await;
            let taken = self.length - self.left;
            let lost = |why: &str| {
                Failure::new(
                    ReasonCode::ConnectionLost,
                    format_args!("{why} after {taken} of {} bytes", self.length),
                )
            };
            let count = match read {
                Either::First(Ok(count)) if count > 0 => count,
                Either::First(Ok(_)) => return Err(lost("the upload ended")),
                Either::First(Err(_)) => return Err(lost("the connection broke")),
                Either::Second(()) => {
                    return Err(lost(&format!("nothing came for {} s", STALL_MS / 1000)));
                }
            };
            (self.start, self.end) = (0, count.min(wanted));
        }
        let until = self.end.min(self.start + wanted);
        let bytes = self.buffer.get(self.start..until).unwrap_or_default();
        self.start = until;
        self.left -= bytes.len() as u32;
        Ok(bytes)
    }

    /// Answers.
    pub(crate) async fn respond(&mut self, response: &Response<'_>) -> Result<(), Failure> {
        let head = response.head();
        let body: &[u8] = if self.head_only { &[] } else { &response.body };
        self.write(&[head.as_bytes(), body]).await
    }

    /// Answers with a refusal, and has a client that is still sending get to read it.
    pub(crate) async fn refuse(&mut self, refusal: &Refusal) {
        // Whoever is gone needs no answer.
        if self.respond(&refusal.response()).await.is_ok() && !self.waits {
            self.drain().await;
        }
    }

    /// Drops what is left of the body: at most [`DRAIN`] bytes, for at most [`DRAIN_MS`].
    async fn drain(&mut self) {
        let mut left = self.left.min(DRAIN) as usize;
        let work = async {
            left = left.saturating_sub(self.end - self.start);
            while left > 0 {
                match self.stream.read(self.buffer.as_mut_slice()).await {
                    Ok(count) if count > 0 => left = left.saturating_sub(count),
                    _ => break,
                }
            }
        };
        select(work, self.clock.sleep_ms(DRAIN_MS)).await;
    }

    /// Sends all of these bytes, or says that they could not be sent within [`WRITE_MS`].
    pub(crate) async fn write(&mut self, parts: &[&[u8]]) -> Result<(), Failure> {
        let work = async {
            for part in parts {
                self.stream.write_all(part).await?;
            }
            self.stream.flush().await
        };
        match select(work, self.clock.sleep_ms(WRITE_MS)).await {
            Either::First(Ok(())) => Ok(()),
            _ => Err(Failure::new(
                ReasonCode::ConnectionLost,
                "the client did not take the answer",
            )),
        }
    }
}
