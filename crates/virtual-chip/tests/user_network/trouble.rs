//! Lost frames, a pulled cable, a chip that forgets, a network that ends.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;

use updraft_virtual_chip::user_network::{Loss, Protocol, UserNetwork};

use crate::guest::{End, Guest, SEED};
use crate::host::{disorder, exchange, network, serve, with_forward};

#[test]
fn all_arrives_where_one_frame_in_twenty_is_lost() {
    let loss = Loss {
        per_mille: 50,
        seed: 11,
    };
    let network = UserNetwork::builder()
        .loss(loss)
        .start()
        .expect("a network");
    let mut guest = Guest::new(&network);
    let (port, host) = serve(|stream| exchange(&stream, &disorder(200_000, 1)));
    let handle = guest.connect(port);
    let (taken, end) = guest.exchange(handle, &disorder(200_000, 2), true);
    assert!(taken == disorder(200_000, 1));
    assert_eq!(end, End::Finished);
    guest.until("the host's end", |_| host.is_finished().then_some(()));
    assert!(host.join().expect("no panic") == disorder(200_000, 2));
    assert!(network.counts().lost > 5, "{:?}", network.counts());
}

#[test]
fn a_download_goes_on_after_the_cable_was_pulled() {
    let network = network();
    let mut guest = Guest::new(&network);
    let (port, host) = serve(|mut stream| stream.write_all(&disorder(1_000_000, 3)));
    let handle = guest.connect(port);
    let mut taken = Vec::new();
    guest.until("the first part", |guest| {
        take(guest, handle, &mut taken);
        (taken.len() > 300_000).then_some(())
    });
    network.set_link(false);
    assert!(!network.link_is_up());
    // What the guest has received already is still its own.
    take(&mut guest, handle, &mut taken);
    let before = taken.len();
    let lost = network.counts().lost;
    guest.until("the gateway's repetitions", |guest| {
        take(guest, handle, &mut taken);
        (network.counts().lost > lost).then_some(())
    });
    assert_eq!(taken.len(), before);
    network.set_link(true);
    let (rest, end) = guest.exchange(handle, &[], false);
    taken.extend(rest);
    host.join().expect("no panic").expect("all was written");
    assert_eq!(end, End::Finished);
    assert!(taken == disorder(1_000_000, 3));
}

fn take(guest: &mut Guest, handle: smoltcp::iface::SocketHandle, taken: &mut Vec<u8>) {
    let all = |bytes: &mut [u8]| (bytes.len(), bytes.to_vec());
    taken.extend(guest.tcp(handle).recv(all).expect("it is open"));
}

#[test]
fn without_a_cable_nothing_is_answered() {
    let network = network();
    network.set_link(false);
    let mut guest = Guest::new(&network);
    let (port, host) = serve(|_| ());
    let handle = guest.begin(port);
    guest.until("the guest's repetition", |_| {
        (network.counts().from_guest > 2).then_some(())
    });
    assert_eq!(network.counts().to_guest, 0);
    assert!(!guest.tcp(handle).may_send());
    assert!(!host.is_finished());
    network.set_link(true);
    guest.until("the connection", |guest| {
        guest.tcp(handle).may_send().then_some(())
    });
    host.join().expect("no panic");
}

#[test]
fn a_chip_that_was_reset_connects_anew_from_the_same_port() {
    // With the first connection's own first number, and with another.
    for seed in [SEED, SEED + 1] {
        let network = network();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let mut guest = Guest::new(&network);
        let handle = guest.connect(port);
        let first_port = guest.tcp(handle).local_endpoint();
        let (mut first, _) = listener.accept().expect("a connection");
        drop(guest);

        let mut guest = Guest::with_seed(&network, seed);
        let handle = guest.connect(port);
        assert_eq!(guest.tcp(handle).local_endpoint(), first_port);
        let end = first.read(&mut [0; 4]).map_err(|error| error.kind());
        assert_eq!(end, Err(ErrorKind::ConnectionReset));
        let (mut second, _) = listener.accept().expect("a connection");
        second.write_all(b"again").expect("it is open");
        drop(second);
        let (taken, end) = guest.exchange(handle, &[], false);
        assert_eq!(
            (taken.as_slice(), end),
            (b"again".as_slice(), End::Finished)
        );
    }
}

#[test]
fn a_network_that_ends_breaks_its_connections() {
    let (network, address) = with_forward(UserNetwork::builder(), 80, Protocol::Tcp);
    let mut guest = Guest::new(&network);
    let handle = guest.listen(80);
    let host = thread::spawn(move || {
        let mut stream = TcpStream::connect(address).expect("the forward listens");
        stream.read(&mut [0; 4]).map_err(|error| error.kind())
    });
    guest.until("a visitor", |guest| {
        guest.tcp(handle).may_send().then_some(())
    });
    drop(network);
    let end = host.join().expect("no panic");
    assert_eq!(end, Err(ErrorKind::ConnectionReset));
    // The cable leads nowhere now, and takes what is sent.
    guest
        .tcp(handle)
        .send_slice(b"anyone?")
        .expect("it is open");
    guest.poll();
    assert!(TcpStream::connect(address).is_err());
}
