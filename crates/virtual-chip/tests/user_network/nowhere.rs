//! Nothing leaves this host.

use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::thread;
use std::time::Duration;

use smoltcp::socket::tcp::State;
use updraft_virtual_chip::user_network::DNS;

use crate::guest::Guest;
use crate::host::network;

/// This host's address towards others, where it has one. Nothing is sent to find out.
fn own_address() -> Option<Ipv4Addr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
    match socket.local_addr().ok()?.ip() {
        std::net::IpAddr::V4(address) if !address.is_loopback() => Some(address),
        _ => None,
    }
}

#[test]
fn connections_elsewhere_are_refused() {
    let network = network();
    let mut guest = Guest::new(&network);
    // A program of this host that listens on all its addresses: reached by the gateway's, and by no other.
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let elsewhere = [
        Some(Ipv4Addr::new(192, 0, 2, 1)),
        Some(Ipv4Addr::LOCALHOST),
        Some(DNS),
        own_address(),
    ];
    for address in elsewhere.into_iter().flatten() {
        let handle = guest.begin_to(address, port);
        guest.until("the refusal", |guest| {
            let state = guest.tcp(handle).state();
            assert!(matches!(state, State::SynSent | State::Closed), "{state}");
            (state == State::Closed).then_some(())
        });
    }
    guest.connect(port);
    let (_, peer) = listener.accept().expect("the one connection");
    assert!(peer.ip().is_loopback());
    listener.set_nonblocking(true).expect("it is open");
    assert!(listener.accept().is_err(), "there was another");
}

#[test]
fn datagrams_elsewhere_are_lost() {
    let network = network();
    let mut guest = Guest::new(&network);
    let handle = guest.bind(1000);
    let host = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).expect("a port");
    host.set_read_timeout(Some(Duration::from_mins(1)))
        .expect("a limit");
    let port = host.local_addr().expect("an address").port();
    let elsewhere = [Some(Ipv4Addr::new(192, 0, 2, 1)), Some(DNS), own_address()];
    for address in elsewhere.into_iter().flatten() {
        guest.say(handle, (address, port), b"elsewhere");
    }
    // The cable keeps the order, so that this one is the first to come.
    let receiver = thread::spawn(move || {
        let mut bytes = [0; 100];
        let (count, peer) = host.recv_from(&mut bytes).expect("a datagram");
        assert!(peer.ip().is_loopback());
        bytes[..count].to_vec()
    });
    guest.say(
        handle,
        (updraft_virtual_chip::user_network::GATEWAY, port),
        b"here",
    );
    guest.until("the datagram", |_| receiver.is_finished().then_some(()));
    assert_eq!(receiver.join().expect("no panic"), b"here");
}
