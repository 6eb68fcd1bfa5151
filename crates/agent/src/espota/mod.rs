//! espota on the device: an Arduino tool invites it by UDP, the device proves who asks, connects back by TCP, and
//! takes the app as any other push.
//!
//! [`Updater::serve_espota`] is a task of its own beside [`Updater::run`]. The protocol itself, without sockets, is
//! [`updraft_protocol::espota`].
//!
//! # What it does to a stranger
//! Garbage is not answered. With neither a password nor a push token everybody who reaches the port may push, and the
//! device says so by mDNS; [`Settings::push_needs_token`](crate::Settings::push_needs_token) has it refuse instead. A
//! push token without a password shuts this way in, because it was set to keep strangers out, and so does a password
//! that is stored and cannot be read. Every wait has an end: three seconds for the
//! connection, four for the next byte, [`Settings::download_limit_seconds`](crate::Settings::download_limit_seconds)
//! for the whole.
//!
//! # Memory
//! No heap beside what an [update](crate) takes. A datagram of 257 bytes, a read of 1460 bytes and the state of the
//! proof lie in the future; its size is at most [`MAX_FUTURE`].

mod door;
mod transfer;

use core::convert::Infallible;
use core::net::SocketAddr;

use embassy_futures::select::{Either, select};
use embedded_nal_async::UnconnectedUdp;
use updraft_protocol::espota::{Answer, MAX_DATAGRAM, PasswordHash};

use crate::board::{Board, Clock, System};
use crate::failure::Failure;
use crate::updater::Updater;
use door::Door;
use transfer::Errand;

/// Most bytes the future of [`Updater::serve_espota`] has, without the board's connection.
pub const MAX_FUTURE: usize = 12 * 1024;

/// Rounds of PBKDF2 between two turns of other tasks: a chip in software does some thousand a second.
const ROUNDS_A_TURN: u32 = 100;

/// Milliseconds until a socket that failed is tried again: the link may be down.
const AFTER_FAILURE_MS: u64 = 1000;

impl<B: Board> Updater<B> {
    /// Keeps a password for espota, as its hash; `None` opens the device to everybody. It holds from the next datagram
    /// on. An error if NVS cannot be written.
    ///
    /// A password kept as MD5 serves senders of every age, one kept as SHA-256 is harder to find out from a stolen
    /// flash.
    pub fn set_espota_password(&self, hash: Option<&PasswordHash>) -> Result<(), Failure> {
        self.memory(|memory| {
            let stored = memory.espota_password();
            if stored.is_ok_and(|stored| digits(stored.as_ref()) == digits(hash)) {
                return Ok(());
            }
            memory.set_espota_password(hash)
        })?;
        self.espota_changed.set(true);
        Ok(())
    }

    /// Takes updates by espota for as long as it is polled. `udp` is bound to the device's OTA port, 3232 by default,
    /// on every address.
    ///
    /// Nothing a peer sends ends it, and no failure of the socket: it is tried again a second later. After an update
    /// that worked, the device restarts.
    pub async fn serve_espota<U: UnconnectedUdp>(&self, udp: &mut U) -> Infallible {
        let mut door = self.door();
        let mut datagram = [0; MAX_DATAGRAM + 1];
        loop {
            let Ok((length, local, from)) = udp.receive_into(&mut datagram).await else {
                self.clock.sleep_ms(AFTER_FAILURE_MS).await;
                continue;
            };
            if self.espota_changed.take() {
                door = self.door();
            }
            let mut random = [0; 32];
            self.system.random(&mut random);
            let now = self.clock.now_ms();
            let received = datagram.get(..length).unwrap_or(&datagram);
            let mut answer = door.receive(received, from, now, &random);
            while let Answer::Check = answer {
                self.clock.sleep_ms(0).await;
                answer = door.step(ROUNDS_A_TURN);
            }
            match answer {
                Answer::Nothing(_) | Answer::Check => {}
                Answer::Reply(reply) => send(udp, local, reply.to, reply.as_bytes()).await,
                Answer::Start(reply, _) if door.is_shut() => {
                    send(udp, local, reply.to, door::SHUT).await;
                    door.ended();
                }
                Answer::Start(reply, start) => {
                    send(udp, local, reply.to, reply.as_bytes()).await;
                    // What comes meanwhile is for nobody; left in the socket, it would be answered when its sender
                    // has long gone.
                    let errand = Errand {
                        updater: self,
                        start: &start,
                    };
                    let others = ignore(udp, &mut datagram, &self.clock);
                    let failed = match select(errand.run(), others).await {
                        Either::First(failed) => failed,
                        Either::Second(never) => match never {},
                    };
                    door.ended();
                    if failed {
                        self.lights.failed(&self.clock).await;
                    }
                }
            }
        }
    }

    fn door(&self) -> Door {
        let stored = self.memory(|memory| Ok((memory.espota_password()?, memory.push_token()?)));
        match stored {
            Ok((Some(hash), _)) => Door::locked(hash, self.settings.espota_scheme),
            Ok((None, None)) if !self.settings.push_needs_token => Door::open(),
            Ok((None, _)) => Door::shut(),
            Err(failure) => {
                self.show_failure(&failure);
                Door::shut()
            }
        }
    }
}

fn digits(hash: Option<&PasswordHash>) -> Option<&str> {
    hash.map(PasswordHash::as_hex)
}

/// Reads and forgets datagrams.
async fn ignore<U: UnconnectedUdp>(
    udp: &mut U,
    datagram: &mut [u8],
    clock: &impl Clock,
) -> Infallible {
    loop {
        if udp.receive_into(datagram).await.is_err() {
            clock.sleep_ms(AFTER_FAILURE_MS).await;
        }
    }
}

/// Sends a datagram. One that is lost is like any other that is lost on the air: the host asks again.
async fn send<U: UnconnectedUdp>(udp: &mut U, local: SocketAddr, to: SocketAddr, text: &[u8]) {
    let _ = udp.send(local, to, text).await;
}
