//! The task itself, on an updater of this test's own: its size, a socket that fails, a password that changes.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use embedded_nal_async::UnconnectedUdp;
use tokio::net::UdpSocket;
use updraft_agent::espota::MAX_FUTURE;
use updraft_agent::{Board, Parts, Updater, guard_boot};
use updraft_flash::slot::AppSlot;
use updraft_image::Chip;
use updraft_protocol::ResetReason;
use updraft_protocol::espota::PasswordHash;
use updraft_virtual_device::host::{
    DatagramSocket, HostClock, HostNetwork, HostSystem, Link, Shown, TimedFlash,
};

use crate::bench::device;

/// So that a second's wait takes a tenth.
const SPEED: u32 = 10;

/// How long an answer is waited for.
const RESEND_AFTER: Duration = Duration::from_millis(500);

struct TestBoard<'f>(std::marker::PhantomData<&'f ()>);

impl<'f> Board for TestBoard<'f> {
    type Flash = TimedFlash<'f>;
    type Network = HostNetwork;
    type Clock = HostClock;
    type System = HostSystem;
    type Indicator = Shown;
    type Leds = ();
}

/// A socket that fails at first.
struct Faulty<'s> {
    socket: DatagramSocket<'s>,
    failures: u32,
}

impl UnconnectedUdp for Faulty<'_> {
    type Error = io::Error;

    async fn send(&mut self, local: SocketAddr, remote: SocketAddr, data: &[u8]) -> io::Result<()> {
        self.socket.send(local, remote, data).await
    }

    async fn receive_into(
        &mut self,
        buffer: &mut [u8],
    ) -> io::Result<(usize, SocketAddr, SocketAddr)> {
        if self.failures > 0 {
            self.failures -= 1;
            return Err(io::ErrorKind::NetworkDown.into());
        }
        self.socket.receive_into(buffer).await
    }
}

/// The answer to an invitation to a port where nobody listens. Sent again if need be: the device may still be busy with
/// the last one.
async fn invite(device: SocketAddr) -> String {
    let invitation = format!("0 1 400000 {}\n", "5".repeat(32));
    let mut answer = [0; 200];
    loop {
        let host = UdpSocket::bind(("127.0.0.1", 0)).await.unwrap();
        host.send_to(invitation.as_bytes(), device).await.unwrap();
        let received = host.recv(&mut answer);
        if let Ok(length) = tokio::time::timeout(RESEND_AFTER, received).await {
            return String::from_utf8(answer[..length.unwrap()].to_vec()).unwrap();
        }
    }
}

#[tokio::test]
async fn a_password_holds_from_the_next_datagram_on() {
    let mut device = device("1.0.0");
    let busy = Arc::new(AtomicU64::new(0));
    let system = HostSystem {
        chip: Chip::Esp32c3,
        running: AppSlot::Factory,
        reset_reason: ResetReason::PowerOn,
        secure_version: 0,
        reset: Arc::default(),
    };
    let boot = guard_boot(&mut device.flash, &system, 1);
    let parts = Parts::<TestBoard<'_>> {
        flash: TimedFlash::new(&mut device.flash, Arc::clone(&busy)),
        network: HostNetwork::new(Arc::new(Link::default())),
        clock: HostClock::new(SPEED, busy),
        system,
        checks: Vec::new(),
        indicator: Shown(Arc::new(())),
        leds: (),
    };
    let updater = Updater::new(boot, parts, device.settings.clone()).unwrap();
    let own = UdpSocket::bind(("127.0.0.1", 0)).await.unwrap();
    let mut udp = Faulty {
        socket: DatagramSocket::new(&own, Arc::default()),
        failures: 2,
    };
    let task = updater.serve_espota(&mut udp);
    let size = size_of_val(&task);
    println!("future of serve_espota(): {size} bytes, at most {MAX_FUTURE}");
    assert!(size <= MAX_FUTURE, "{size}");

    let script = async {
        let at = own.local_addr().unwrap();
        assert_eq!(invite(at).await, "OK");
        let password = PasswordHash::sha256(b"right");
        updater.set_espota_password(Some(&password)).unwrap();
        assert!(updater.about().is_ok());
        assert!(invite(at).await.starts_with("AUTH "));
        updater.set_espota_password(None).unwrap();
        assert_eq!(invite(at).await, "OK");
        updater.set_push_token(Some("a-token")).unwrap();
        let answer = invite(at).await;
        assert!(answer.starts_with("ERROR: "), "{answer}");
    };
    tokio::select! {
        never = task => match never {},
        () = script => {}
    }
}
