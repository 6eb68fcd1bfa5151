//! Getting an image over HTTP, going on where a connection broke.

use embassy_futures::select::{Either, select};
use embedded_io_async::Read as _;
use reqwless::client::HttpClient;
use reqwless::request::{Method, RequestBuilder};
use updraft_protocol::{Offer, ReasonCode};

use crate::backoff::{RETRY_SECONDS, with_jitter};
use crate::board::{Board, Clock};
use crate::event::Event;
use crate::failure::Failure;
use crate::http::{RESPONSE_HEAD, bearer, of_network, within};
use crate::intake::AppIntake;
use crate::updater::Updater;

/// Bytes read from the connection at a time. Small enough for a task's stack, a quarter of a piece.
const READ: usize = 1024;

impl<B: Board> Updater<B> {
    /// Fetches what `writer` still lacks of the offered image. A lost connection is tried again after
    /// 2, 4, 8, 16 and 32 seconds and goes on where it broke.
    pub(crate) async fn download(
        &self,
        offer: &Offer,
        intake: &mut AppIntake<'_, B>,
    ) -> Result<(), Failure> {
        let deadline = self.clock.now_ms() + u64::from(self.settings.download_limit_seconds) * 1000;
        let mut retries = RETRY_SECONDS.iter();
        while intake.received() < offer.size {
            let before = intake.received();
            let left = deadline.saturating_sub(self.clock.now_ms());
            let Err(failure) = self.fetch(offer, intake, left).await else {
                break;
            };
            if !failure.is_of_the_connection() {
                return Err(failure);
            }
            if intake.received() > before {
                // It worked for a while, so this is a new failure and not the old one again.
                retries = RETRY_SECONDS.iter();
            }
            let Some(&seconds) = retries.next() else {
                return Err(failure);
            };
            let percent = self.settings.jitter_percent;
            let after_ms = with_jitter(&self.system, u64::from(seconds) * 1000, percent);
            let failure = &failure;
            self.show(&Event::Retrying { failure, after_ms });
            self.clock.sleep_ms(after_ms).await;
        }
        Ok(())
    }

    /// One connection's worth of the download, for at most `limit_ms`.
    async fn fetch(
        &self,
        offer: &Offer,
        intake: &mut AppIntake<'_, B>,
        limit_ms: u64,
    ) -> Result<(), Failure> {
        let token = self.token().await?;
        let limit = self.settings.download_limit_seconds;
        let timeout = self.settings.io_timeout_seconds;
        let url = alloc::format!("{}{}", self.settings.server()?, offer.download_url);
        let authorization = token.as_deref().map(bearer);
        let range = alloc::format!("bytes={}-", intake.received());
        let etag = alloc::format!("\"{}\"", offer.checksum);
        let mut headers = alloc::vec::Vec::with_capacity(3);
        if let Some(value) = &authorization {
            headers.push(("Authorization", value.as_str()));
        }
        if intake.received() > 0 {
            headers.push(("Range", range.as_str()));
            headers.push(("If-Range", etag.as_str()));
        }

        let (network, clock) = (&self.network, &self.clock);
        let transfer = async {
            let mut client = HttpClient::new(network, network);
            let mut head = [0; RESPONSE_HEAD];
            let connect = async {
                client
                    .request(Method::GET, &url)
                    .await
                    .map_err(|error| of_network(&error))
            };
            let mut request = within(clock, timeout, connect).await?.headers(&headers);
            let answer = async {
                request
                    .send(&mut head)
                    .await
                    .map_err(|error| of_network(&error))
            };
            let response = within(clock, timeout, answer).await?;
            check_answer(
                response.status.0,
                response.content_length,
                response.headers(),
                intake.received(),
                offer.size,
            )?;
            let mut body = response.body().reader();
            let mut bytes = [0; READ];
            while intake.received() < offer.size {
                // Never more than is missing: the HTTP library counts below zero when a server sends more
                // than it announced.
                let missing = usize::try_from(offer.size - intake.received()).unwrap_or(READ);
                let room = missing.min(READ);
                let read = async {
                    body.read(&mut bytes[..room])
                        .await
                        .map_err(|error| of_network(&error))
                };
                let count = within(clock, timeout, read).await?;
                if count == 0 {
                    return Err(Failure::new(
                        ReasonCode::ConnectionLost,
                        format_args!("the connection ended at byte {}", intake.received()),
                    ));
                }
                intake.push(&bytes[..count]).await?;
            }
            Ok(())
        };
        match select(transfer, clock.sleep_ms(limit_ms)).await {
            Either::First(result) => result,
            Either::Second(()) => Err(Failure::new(
                ReasonCode::DownloadTimeout,
                format_args!("the download took longer than {limit} s"),
            )),
        }
    }
}

/// Whether the answer carries exactly the bytes that are missing.
fn check_answer<'h>(
    status: u16,
    content_length: Option<usize>,
    mut headers: impl Iterator<Item = (&'h str, &'h [u8])>,
    received: u32,
    size: u32,
) -> Result<(), Failure> {
    let refuse = |reason, words: core::fmt::Arguments<'_>| Err(Failure::new(reason, words));
    match (status, received) {
        (206, 1..) => {
            let wanted = alloc::format!("bytes {received}-{}/{size}", size - 1);
            let range = headers
                .find(|(name, _)| name.eq_ignore_ascii_case("Content-Range"))
                .map(|(_, value)| value);
            if range != Some(wanted.as_bytes()) {
                return refuse(
                    ReasonCode::ProtocolError,
                    format_args!("the answer is not for {wanted}"),
                );
            }
        }
        (200, 0) => {}
        // The file behind the URL is another one now, or the server knows no ranges.
        (200, _) => {
            return refuse(
                ReasonCode::ChecksumMismatch,
                format_args!(
                    "the server would not go on at byte {received}; beginning afresh next time"
                ),
            );
        }
        (404 | 410, _) => {
            return refuse(
                ReasonCode::Cancelled,
                format_args!("the server answered {status}: the release is gone"),
            );
        }
        _ => {
            return refuse(
                ReasonCode::ServerRefused,
                format_args!("the server answered {status} to the download"),
            );
        }
    }
    match content_length {
        Some(length) if length as u64 == u64::from(size - received) => Ok(()),
        found => refuse(
            ReasonCode::ProtocolError,
            format_args!(
                "{found:?} bytes were announced, {} are missing",
                size - received
            ),
        ),
    }
}
