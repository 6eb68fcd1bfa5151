//! What the device serves on its own network: HTTP, espota, mDNS.

use alloc::boxed::Box;
use alloc::string::String;
use core::net::{IpAddr, Ipv4Addr};

use embassy_executor::Spawner;
use embassy_net::tcp::TcpSocket;
use embassy_net::{IpAddress, Stack};
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_sync::semaphore::{FairSemaphore, Semaphore as _};
use embassy_time::{Duration, Timer, with_timeout};
use esp_println::println;
use static_cell::ConstStaticCell;
use updraft_agent::Updater;
use updraft_agent::local::{HTTP_PORT, MAX_CONNECTIONS, OTA_PORT};
use updraft_agent::mdns::{self, Place};

use crate::board::ChipBoard;
use crate::clock::ChipClock;
use crate::datagrams::{DatagramBuffers, Datagrams};
use crate::spawn;
use crate::system::LEAVING;

/// The port each listener listens at. A browser opens up to six connections at once; those that come while
/// [`MAX_CONNECTIONS`] are served wait here.
pub const PORTS: [u16; 8] = [
    HTTP_PORT, HTTP_PORT, HTTP_PORT, HTTP_PORT, HTTP_PORT, HTTP_PORT, OTA_PORT, OTA_PORT,
];
/// Bytes that may arrive before they are read: two full frames.
const RECEIVED: usize = 2 * 1460;
/// Bytes that may wait to be sent: one full frame.
const SENT: usize = 1460;
/// After so long without a word from the other side a connection is over.
const DEAD_AFTER: Duration = Duration::from_secs(60);
/// Time for the other side to take the rest of an answer and close.
const LINGER: Duration = Duration::from_secs(5);
/// Pause after a socket failed.
const PAUSE: Duration = Duration::from_secs(1);
/// Bytes of datagrams that may wait, each way: one of the largest.
const MDNS_BYTES: usize = mdns::MAX_PACKET;
/// espota's are short.
const ESPOTA_BYTES: usize = 512;
/// Hops of an mDNS packet (RFC 6762, section 11).
const MDNS_HOPS: u8 = 255;

/// Starts everything that is served. To be called once.
pub fn start(
    spawner: Spawner,
    updater: &'static Updater<ChipBoard>,
    stack: Stack<'static>,
    hostname: String,
) {
    static BUFFERS: ConstStaticCell<[Buffers; PORTS.len()]> =
        ConstStaticCell::new([const { Buffers::new() }; PORTS.len()]);
    updater.say_who_may_push();
    for (port, buffers) in PORTS.into_iter().zip(BUFFERS.take()) {
        spawn(spawner, http(updater, stack, port, buffers));
    }
    spawn(spawner, espota(updater, stack));
    spawn(spawner, found(updater, stack, hostname));
}

static SERVED: FairSemaphore<CriticalSectionRawMutex, { PORTS.len() }> =
    FairSemaphore::new(MAX_CONNECTIONS);

/// Memory of one listener's socket.
struct Buffers {
    received: [u8; RECEIVED],
    sent: [u8; SENT],
}

impl Buffers {
    const fn new() -> Self {
        Self {
            received: [0; RECEIVED],
            sent: [0; SENT],
        }
    }
}

/// Serves one connection after the other at this port.
#[embassy_executor::task(pool_size = PORTS.len())]
async fn http(
    updater: &'static Updater<ChipBoard>,
    stack: Stack<'static>,
    port: u16,
    buffers: &'static mut Buffers,
) {
    let mut socket = TcpSocket::new(stack, &mut buffers.received, &mut buffers.sent);
    socket.set_timeout(Some(DEAD_AFTER));
    loop {
        if socket.accept(port).await.is_err() {
            Timer::after(PAUSE).await;
        } else if let Ok(_served) = SERVED.acquire(1).await {
            let peer = socket.remote_endpoint().map(|peer| peer.addr);
            let IpAddress::Ipv4(peer) = peer.unwrap_or(IpAddress::v4(0, 0, 0, 0));
            // On the heap: it is large, and lives as long as the connection.
            Box::pin(updater.serve_http(&mut socket, IpAddr::V4(peer))).await;
        }
        part(&mut socket).await;
    }
}

/// Closes a connection such that the other side gets all of the answer.
async fn part(socket: &mut TcpSocket<'_>) {
    socket.close();
    let goodbye = async {
        if socket.flush().await.is_ok() {
            // What still comes is dropped; the end of it says that the answer was taken.
            while socket.read(&mut [0; 64]).await.is_ok_and(|count| count > 0) {}
        }
    };
    let _ = with_timeout(LINGER, goodbye).await;
    socket.abort();
    let _ = with_timeout(LINGER, socket.flush()).await;
}

/// Takes updates by espota.
#[embassy_executor::task]
async fn espota(updater: &'static Updater<ChipBoard>, stack: Stack<'static>) {
    static BUFFERS: ConstStaticCell<DatagramBuffers<ESPOTA_BYTES>> =
        ConstStaticCell::new(DatagramBuffers::new());
    match Datagrams::bind(stack, OTA_PORT, BUFFERS.take()) {
        Some(mut socket) => match updater.serve_espota(&mut socket).await {},
        None => println!("espota: port {OTA_PORT} is taken"),
    }
}

/// Has the device found by name, until it restarts.
#[embassy_executor::task]
async fn found(updater: &'static Updater<ChipBoard>, stack: Stack<'static>, hostname: String) {
    static BUFFERS: ConstStaticCell<DatagramBuffers<MDNS_BYTES>> =
        ConstStaticCell::new(DatagramBuffers::new());
    let about = match updater.about() {
        Ok(about) => about,
        Err(failure) => return println!("mdns: not announced: {failure}"),
    };
    let Some(mut socket) = Datagrams::bind(stack, mdns::PORT, BUFFERS.take()) else {
        return println!("mdns: port {} is taken", mdns::PORT);
    };
    socket.set_hop_limit(MDNS_HOPS);
    if let IpAddr::V4(group) = mdns::GROUP.ip()
        && let Err(error) = stack.join_multicast_group(group)
    {
        return println!("mdns: the group cannot be joined: {error:?}");
    }
    let device = || {
        let config = stack.config_v4();
        let place = Place {
            hostname: &hostname,
            ipv4: config
                .as_ref()
                .map_or(Ipv4Addr::UNSPECIFIED, |config| config.address.address()),
            prefix: config
                .as_ref()
                .map_or(32, |config| config.address.prefix_len()),
            http_port: HTTP_PORT,
            ota_port: OTA_PORT,
        };
        about.at(&place)
    };
    mdns::serve(&mut socket, &ChipClock, device, LEAVING.wait()).await;
}
