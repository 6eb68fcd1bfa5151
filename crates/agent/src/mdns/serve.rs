//! The responder over a socket.

use core::net::{Ipv4Addr, SocketAddr};

use embassy_futures::select::{Either3, select3};
use embedded_nal_async::UnconnectedUdp;

use super::advertisement::Advertisement;
use super::responder::{Reply, Responder};
use super::{GROUP, MAX_PACKET, PORT};
use crate::board::Clock;

/// How often a device announces itself, after start and when its address has changed (RFC 6762, section 8.3).
const ANNOUNCEMENTS: u32 = 2;
/// Milliseconds between two announcements.
const ANNOUNCEMENT_GAP_MS: u64 = 1000;
/// Milliseconds between two looks at whether the address has changed.
const ADDRESS_CHECK_MS: u64 = 5000;
/// Milliseconds until a socket that failed is tried again: the link may be down.
const AFTER_FAILURE_MS: u64 = 1000;
/// Least milliseconds before an answer that others may give too.
const LEAST_DELAY_MS: u64 = 20;
/// How many milliseconds more it may be.
const DELAY_SPREAD_MS: u64 = 100;

/// Announces the device twice, a second apart, then answers until `leave` is done, says goodbye and returns.
///
/// `udp` is bound to [`PORT`] on every address and has joined [`GROUP`]; what it fails to send or to receive
/// is forgotten, because whoever asked asks again. `device` is called for every packet and every few seconds:
/// the address may change, and is announced anew then.
pub async fn serve<'a, U: UnconnectedUdp>(
    udp: &mut U,
    clock: &impl Clock,
    device: impl Fn() -> Advertisement<'a>,
    leave: impl Future<Output = ()>,
) {
    let mut query = [0; MAX_PACKET];
    let mut reply = [0; MAX_PACKET];
    let mut leave = core::pin::pin!(leave);
    let mut announced = Announced::default();
    loop {
        let now = clock.now_ms();
        if announced.is_due(now, device().ipv4) {
            let len = Responder::new(device()).announce(&mut reply);
            send(udp, &reply, len, GROUP).await;
        }
        let wait = clock.sleep_ms(announced.next.saturating_sub(now));
        match select3(leave.as_mut(), udp.receive_into(&mut query), wait).await {
            Either3::First(()) => break,
            Either3::Second(Ok((length, _, from))) => {
                let packet = query.get(..length).unwrap_or(&query);
                let Some(answer) = Responder::new(device()).answer(packet, from, &mut reply) else {
                    continue;
                };
                delay(answer, device().ipv4, clock).await;
                send(udp, &reply, answer.len, answer.to).await;
            }
            Either3::Second(Err(_)) => clock.sleep_ms(AFTER_FAILURE_MS).await,
            Either3::Third(()) => {}
        }
    }
    let len = Responder::new(device()).goodbye(&mut reply);
    send(udp, &reply, len, GROUP).await;
}

/// What was announced, and when to look again.
#[derive(Debug)]
struct Announced {
    address: Ipv4Addr,
    times: u32,
    /// In the clock's milliseconds.
    next: u64,
}

impl Default for Announced {
    fn default() -> Self {
        Self {
            address: Ipv4Addr::UNSPECIFIED,
            times: 0,
            next: 0,
        }
    }
}

impl Announced {
    /// Whether to announce now; if so, it counts as done.
    fn is_due(&mut self, now: u64, address: Ipv4Addr) -> bool {
        if address != self.address {
            *self = Self {
                address,
                times: 0,
                next: now,
            };
        }
        if now < self.next {
            return false;
        }
        let due = self.times < ANNOUNCEMENTS && !address.is_unspecified();
        self.times += u32::from(due);
        let again = due && self.times < ANNOUNCEMENTS;
        self.next = now.saturating_add(if again {
            ANNOUNCEMENT_GAP_MS
        } else {
            ADDRESS_CHECK_MS
        });
        due
    }
}

/// Waits before an answer that others may give too, each for a time of its own: the devices of a network
/// differ in the ends of their addresses, and the clock differs from one question to the next.
async fn delay(answer: Reply, address: Ipv4Addr, clock: &impl Clock) {
    if answer.shared {
        let own = u64::from(address.to_bits()).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
        let spread = own.wrapping_add(clock.now_ms()) % DELAY_SPREAD_MS;
        clock.sleep_ms(LEAST_DELAY_MS + spread).await;
    }
}

/// Sends a packet, if there is one. One that is lost is like any other that is lost on the air.
async fn send<U: UnconnectedUdp>(udp: &mut U, packet: &[u8], len: usize, to: SocketAddr) {
    const ANYWHERE: SocketAddr =
        SocketAddr::new(core::net::IpAddr::V4(Ipv4Addr::UNSPECIFIED), PORT);
    if let Some(packet) = packet.get(..len).filter(|packet| !packet.is_empty()) {
        let _ = udp.send(ANYWHERE, to, packet).await;
    }
}
