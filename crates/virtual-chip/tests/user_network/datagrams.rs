//! Datagrams, single and to groups.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::sync::mpsc;
use std::time::Duration;

use smoltcp::wire::IpAddress;
use updraft_virtual_chip::user_network::{
    Datagram, GATEWAY, GUEST, MAX_DATAGRAM, Protocol, UserNetwork,
};

use crate::guest::Guest;
use crate::host::{disorder, network, with_forward};

const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);
const MDNS: u16 = 5353;

/// A program's socket.
fn socket() -> UdpSocket {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    socket.set_nonblocking(true).expect("it is open");
    socket
}

/// What a program hears from the guest.
fn hear(guest: &mut Guest, host: &UdpSocket) -> (Vec<u8>, SocketAddr) {
    let mut bytes = [0; 2000];
    guest.until("a datagram for the host", |_| {
        let (count, peer) = host.recv_from(&mut bytes).ok()?;
        Some((bytes[..count].to_vec(), peer))
    })
}

#[test]
fn the_hosts_answers_find_the_guests_socket() {
    let network = network();
    let mut guest = Guest::new(&network);
    let host = socket();
    let port = host.local_addr().expect("an address").port();
    let sockets = [guest.bind(1000), guest.bind(1001)];
    for (round, length) in [1, 500, MAX_DATAGRAM].into_iter().enumerate() {
        for (which, handle) in sockets.into_iter().enumerate() {
            let question = disorder(length, (10 * round + which) as u64);
            guest.say(handle, (GATEWAY, port), &question);
            let (heard, peer) = hear(&mut guest, &host);
            assert!(peer.ip().is_loopback());
            assert!(heard == question);
            let answer = disorder(length, (100 + 10 * round + which) as u64);
            host.send_to(&answer, peer).expect("room");
            let (heard, from) = guest.hear(handle);
            assert!(heard == answer);
            assert_eq!((from.addr, from.port), (IpAddress::Ipv4(GATEWAY), port));
        }
    }
}

#[test]
fn a_forward_leads_to_the_guest_and_its_answers_back() {
    let (network, address) = with_forward(UserNetwork::builder(), 3232, Protocol::Udp);
    let mut guest = Guest::new(&network);
    let handle = guest.bind(3232);
    // A guest nobody has heard of cannot be reached.
    guest.say(handle, (GATEWAY, 9), b"here I am");
    let hosts = [socket(), socket(), socket()];
    let mut seen = Vec::new();
    for (which, host) in hosts.iter().enumerate() {
        host.send_to(&disorder(300, which as u64), address)
            .expect("room");
        let (heard, from) = guest.hear(handle);
        assert!(heard == disorder(300, which as u64));
        assert_eq!(from.port, host.local_addr().expect("an address").port());
        seen.push(from);
    }
    // The answers come late and in another order, each to its own.
    for which in [2, 0, 1] {
        let to = (GATEWAY, seen[which].port);
        guest.say(handle, to, &disorder(200, 50 + which as u64));
    }
    for (which, host) in hosts.iter().enumerate() {
        let (heard, from) = hear(&mut guest, host);
        assert_eq!(from, address);
        assert!(heard == disorder(200, 50 + which as u64));
    }
}

#[test]
fn a_datagram_that_fits_no_frame_is_lost_and_the_next_is_not() {
    let (network, address) = with_forward(UserNetwork::builder(), 3232, Protocol::Udp);
    let mut guest = Guest::new(&network);
    let handle = guest.bind(3232);
    guest.say(handle, (GATEWAY, 9), b"here I am");
    let host = socket();
    host.send_to(&disorder(MAX_DATAGRAM, 1), address)
        .expect("room");
    assert!(guest.hear(handle).0 == disorder(MAX_DATAGRAM, 1));
    host.send_to(&disorder(MAX_DATAGRAM + 1, 2), address)
        .expect("room");
    host.send_to(b"short", address).expect("room");
    assert_eq!(guest.hear(handle).0, b"short");
}

#[test]
fn multicast_of_the_guest_is_told_and_can_be_answered() {
    let (tell, told) = mpsc::channel();
    let network = UserNetwork::builder()
        .on_multicast(move |datagram| tell.send(datagram).expect("somebody listens"))
        .start()
        .expect("a network");
    let mut guest = Guest::new(&network);
    let handle = guest.bind(MDNS);
    guest.say(handle, (GROUP, MDNS), b"who is there?");
    let heard = told
        .recv_timeout(Duration::from_mins(1))
        .expect("it is told");
    let expected = Datagram {
        from: SocketAddrV4::new(GUEST, MDNS),
        to: SocketAddrV4::new(GROUP, MDNS),
        payload: b"who is there?".to_vec(),
    };
    assert_eq!(heard, expected);

    let neighbour = SocketAddrV4::new(Ipv4Addr::new(10, 0, 2, 77), MDNS);
    network.inject(neighbour, SocketAddrV4::new(GROUP, MDNS), b"I am");
    let frame = guest.next_frame();
    // RFC 1112, section 6.4: the group's low 23 bits; RFC 6762, section 11: hop limit 255.
    assert_eq!(frame[..6], [0x01, 0x00, 0x5e, 0x00, 0x00, 0xfb]);
    assert_eq!(frame[22], 255);
    assert_eq!(frame[26..34], [10, 0, 2, 77, 224, 0, 0, 251]);
    assert!(frame.ends_with(b"I am"));
}
