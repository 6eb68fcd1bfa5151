//! Fetching what the host has: connect, take, acknowledge, say what became of it.

use core::convert::Infallible;

use embassy_futures::select::{Either, select};
use embedded_io_async::{Read, Write};
use embedded_nal_async::TcpConnect;
use updraft_protocol::ReasonCode;
use updraft_protocol::espota::transfer::{Line, Transfer, TransferError};
use updraft_protocol::espota::{
    ANSWER_TIMEOUT_MS, CONNECT_TIMEOUT_MS, READ, READ_TIMEOUT_MS, Start,
};

use crate::board::{Board, Clock};
use crate::failure::Failure;
use crate::intake::{AppIntake, Intake};
use crate::push::Announced;
use crate::session::Source;
use crate::slot::{Content, Size};
use crate::updater::Updater;
use crate::www::{Confirm, WwwIntake};

/// Milliseconds between the verdict and the restart, so that it arrives.
const RESTART_AFTER_MS: u64 = 1000;

/// Milliseconds a complaint has to arrive before the connection is closed over what the host still sends: closing at
/// once would reset the connection, and the host would not read why.
const LINGER_MS: u64 = 1000;

/// One transfer.
pub(super) struct Errand<'d, B: Board> {
    pub(super) updater: &'d Updater<B>,
    pub(super) start: &'d Start,
}

impl<'d, B: Board> Errand<'d, B> {
    /// Fetches what was announced and restarts into it. Returns if that did not work, once the host was told;
    /// true if an update had begun.
    pub(super) async fn run(&self) -> bool {
        let (updater, start) = (self.updater, self.start);
        let mut host = match self.connect().await {
            Ok(host) => host,
            Err(failure) => {
                updater.show_failure(&failure);
                return false;
            }
        };
        let size = Size::Exact(start.size);
        let peer = Some(start.host.ip());
        if start.command.is_filesystem() {
            let begun = updater.begin_frontend(Source::Espota, peer, size, None);
            let complete = async |intake: &mut WwwIntake<'d, B>| {
                updater.complete_frontend(intake, Confirm::Manifest).await
            };
            return self.carry(&mut host, begun, complete).await;
        }
        let announced = Announced {
            size,
            sha256: None,
            allow_downgrade: false,
        };
        let begun = updater.begin_push(Source::Espota, peer, &announced);
        let complete =
            async |intake: &mut AppIntake<'d, B>| updater.complete_push(intake).await.map(|_| ());
        self.carry(&mut host, begun, complete).await
    }

    /// Takes what was begun, has it completed, and restarts; or says why not.
    async fn carry<H: Read + Write, C: Content>(
        &self,
        host: &mut H,
        begun: Result<Intake<'d, B, C>, Failure>,
        complete: impl AsyncFnOnce(&mut Intake<'d, B, C>) -> Result<(), Failure>,
    ) -> bool {
        let updater = self.updater;
        let mut intake = match begun {
            Ok(intake) => intake,
            Err(failure) => {
                updater.show_failure(&failure);
                self.complain(host, &failure).await;
                return false;
            }
        };
        match self.take(host, &mut intake, complete).await {
            Ok(never) => match never {},
            Err(failure) => {
                intake.give_up(&failure);
                self.complain(host, &failure).await;
                true
            }
        }
    }

    async fn connect(&self) -> Result<<B::Network as TcpConnect>::Connection<'_>, Failure> {
        let (updater, to) = (self.updater, self.start.host);
        let unreachable = |why: &dyn core::fmt::Debug| {
            Failure::new(
                ReasonCode::Unreachable,
                format_args!("espota: no connection to {to}: {why:?}"),
            )
        };
        let limit = updater.clock.sleep_ms(CONNECT_TIMEOUT_MS.into());
        match select(updater.network.connect(to), limit).await {
            Either::First(connected) => connected.map_err(|error| unreachable(&error)),
            Either::Second(()) => Err(unreachable(&"no answer")),
        }
    }

    /// Takes all of it, and restarts into it.
    async fn take<H: Read + Write, C: Content>(
        &self,
        host: &mut H,
        intake: &mut Intake<'d, B, C>,
        complete: impl AsyncFnOnce(&mut Intake<'d, B, C>) -> Result<(), Failure>,
    ) -> Result<Infallible, Failure> {
        let limit = self.updater.settings.download_limit_seconds;
        let received = select(
            self.receive(host, intake),
            self.updater.clock.sleep_ms(u64::from(limit) * 1000),
        );
        match received.await {
            Either::First(received) => received?,
            Either::Second(()) => {
                return Err(Failure::new(
                    ReasonCode::DownloadTimeout,
                    format_args!("the transfer took longer than {limit} s"),
                ));
            }
        }
        complete(intake).await?;
        // What is new boots next, whether the host hears of it or not.
        let _ = self.say(host, &Line::ok()).await;
        self.updater.clock.sleep_ms(RESTART_AFTER_MS).await;
        Ok(self.updater.restart().await)
    }

    /// Takes as many bytes as were announced, and acknowledges each read once it is taken.
    async fn receive<H: Read + Write, C: Content>(
        &self,
        host: &mut H,
        intake: &mut Intake<'_, B, C>,
    ) -> Result<(), Failure> {
        let mut transfer = Transfer::new(self.start);
        let mut read = [0; READ];
        while transfer.left() > 0 {
            let most = READ.min(transfer.left() as usize);
            let room = read.get_mut(..most).unwrap_or_default();
            let wait = self.updater.clock.sleep_ms(READ_TIMEOUT_MS.into());
            let line = match select(host.read(room), wait).await {
                Either::First(Ok(0) | Err(_)) => return Err(of_transfer(TransferError::TooLittle)),
                Either::First(Ok(length)) => {
                    let bytes = room.get(..length).unwrap_or(room);
                    let line = transfer.received(bytes).map_err(of_transfer)?;
                    intake.push(bytes).await?;
                    line
                }
                Either::Second(()) => transfer.silent().map_err(of_transfer)?,
            };
            self.say(host, &line).await?;
        }
        transfer.finish().map_err(of_transfer)
    }

    /// Tells the host, which has [`ANSWER_TIMEOUT_MS`] to make room for it.
    async fn say<H: Write>(&self, host: &mut H, line: &Line) -> Result<(), Failure> {
        let said = async {
            host.write_all(line.as_bytes()).await?;
            host.flush().await
        };
        match select(said, self.updater.clock.sleep_ms(ANSWER_TIMEOUT_MS.into())).await {
            Either::First(Ok(())) => Ok(()),
            Either::First(Err(_)) | Either::Second(()) => {
                Err(of_transfer(TransferError::TooLittle))
            }
        }
    }

    /// Tells the host why not, and stays until it has hung up, or for [`LINGER_MS`]. A host that is gone is not told.
    async fn complain<H: Read + Write>(&self, host: &mut H, failure: &Failure) {
        let (reason, detail) = (failure.reason, &failure.detail);
        // What does not fit is cut at the end, so the remedy comes first.
        let words = match reason {
            ReasonCode::Downgrade => {
                alloc::format!("{reason}: use updraft push --allow-downgrade; {detail}")
            }
            _ => alloc::format!("{reason}: {detail}"),
        };
        if self.say(host, &Line::complaint(&words)).await.is_err() {
            return;
        }
        let hung_up = async {
            let mut rest = [0; 64];
            while host.read(&mut rest).await.is_ok_and(|length| length > 0) {}
        };
        select(hung_up, self.updater.clock.sleep_ms(LINGER_MS)).await;
    }
}

/// A broken rule of the protocol as a reason for the log; their codes are the same.
fn of_transfer(error: TransferError) -> Failure {
    let Ok(reason) = error.code().parse();
    Failure::new(reason, error)
}
