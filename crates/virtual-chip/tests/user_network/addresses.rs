//! What the guest is given: an address, names, and somebody who answers.

use smoltcp::phy::ChecksumCapabilities;
use smoltcp::socket::{dhcpv4, dns, icmp};
use smoltcp::wire::{DnsQueryType, Icmpv4Packet, Icmpv4Repr, IpAddress, Ipv4Address};
use updraft_virtual_chip::user_network::{DNS, GATEWAY, GUEST, PREFIX, UserNetwork};

use crate::guest::Guest;
use crate::host::network;

#[test]
fn dhcp_gives_the_addresses_qemu_gives() {
    let network = network();
    let mut guest = Guest::without_address(&network);
    let handle = guest.sockets.add(dhcpv4::Socket::new());
    let (address, router, servers) = guest.until("an address", |guest| {
        match guest.sockets.get_mut::<dhcpv4::Socket<'_>>(handle).poll()? {
            dhcpv4::Event::Deconfigured => None,
            dhcpv4::Event::Configured(config) => {
                Some((config.address, config.router, config.dns_servers))
            }
        }
    });
    assert_eq!((address.address(), address.prefix_len()), (GUEST, PREFIX));
    assert_eq!(router, Some(GATEWAY));
    assert_eq!(servers.as_slice(), [DNS]);
}

#[test]
fn gateway_and_name_server_answer_pings_and_nobody_else_does() {
    let network = network();
    let mut guest = Guest::new(&network);
    assert_eq!(pings(&mut guest, GATEWAY), [1]);
    assert_eq!(pings(&mut guest, DNS), [2]);
    // The third goes to another machine and is not answered; the fourth shows that it would have been by now.
    let elsewhere = Ipv4Address::new(192, 0, 2, 1);
    let handle = ping(&mut guest, elsewhere, 3);
    assert_eq!(pings(&mut guest, GATEWAY), [4]);
    assert!(!guest.sockets.get_mut::<icmp::Socket<'_>>(handle).can_recv());
}

/// Pings with the next number, and gives the numbers that were answered.
fn pings(guest: &mut Guest, to: Ipv4Address) -> Vec<u16> {
    let number = u16::try_from(guest.sockets.iter().count() + 1).expect("a few");
    let handle = ping(guest, to, number);
    guest.until("an answer to a ping", |guest| {
        let socket = guest.sockets.get_mut::<icmp::Socket<'_>>(handle);
        let (bytes, from) = socket.recv().ok()?;
        assert_eq!(from, IpAddress::Ipv4(to));
        let packet = Icmpv4Packet::new_checked(bytes).expect("a packet");
        match Icmpv4Repr::parse(&packet, &ChecksumCapabilities::default()) {
            Ok(Icmpv4Repr::EchoReply { seq_no, data, .. }) => {
                assert_eq!(data, b"there?");
                Some(vec![seq_no])
            }
            other => panic!("no answer to a ping: {other:?}"),
        }
    })
}

fn ping(guest: &mut Guest, to: Ipv4Address, number: u16) -> smoltcp::iface::SocketHandle {
    let buffer = || icmp::PacketBuffer::new(vec![icmp::PacketMetadata::EMPTY; 4], vec![0; 256]);
    let mut socket = icmp::Socket::new(buffer(), buffer());
    socket
        .bind(icmp::Endpoint::Ident(number))
        .expect("an identity");
    let echo = Icmpv4Repr::EchoRequest {
        ident: number,
        seq_no: number,
        data: b"there?",
    };
    let room = socket.send(echo.buffer_len(), to.into()).expect("room");
    echo.emit(
        &mut Icmpv4Packet::new_unchecked(room),
        &ChecksumCapabilities::default(),
    );
    let handle = guest.sockets.add(socket);
    guest.poll();
    handle
}

#[test]
fn names_that_were_given_are_known_and_no_others() {
    let network = UserNetwork::builder()
        .name("Updates.Example.", Ipv4Address::new(192, 0, 2, 9))
        .start()
        .expect("a network");
    let mut guest = Guest::new(&network);
    assert_eq!(look_up(&mut guest, "host.updraft"), Some(GATEWAY));
    assert_eq!(look_up(&mut guest, "HOST.Updraft"), Some(GATEWAY));
    let added = Some(Ipv4Address::new(192, 0, 2, 9));
    assert_eq!(look_up(&mut guest, "updates.example"), added);
    assert_eq!(look_up(&mut guest, "localhost"), None);
    assert_eq!(look_up(&mut guest, "nowhere.example"), None);
}

fn look_up(guest: &mut Guest, name: &str) -> Option<Ipv4Address> {
    let mut socket = dns::Socket::new(&[DNS.into()], vec![None]);
    let query = socket
        .start_query(guest.interface.context(), name, DnsQueryType::A)
        .expect("a query");
    let handle = guest.sockets.add(socket);
    let answer = guest.until("an answer about a name", |guest| {
        let socket = guest.sockets.get_mut::<dns::Socket<'_>>(handle);
        match socket.get_query_result(query) {
            Ok(addresses) => match addresses.as_slice() {
                [IpAddress::Ipv4(address)] => Some(Some(*address)),
                other => panic!("not one address: {other:?}"),
            },
            Err(dns::GetQueryResultError::Pending) => None,
            Err(dns::GetQueryResultError::Failed) => Some(None),
        }
    });
    // The stack gives every answer to the first of its name sockets.
    guest.sockets.remove(handle);
    answer
}
