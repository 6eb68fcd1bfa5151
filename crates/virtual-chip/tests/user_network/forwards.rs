//! Connections the host begins.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;

use smoltcp::socket::tcp::State;
use smoltcp::wire::IpAddress;
use updraft_virtual_chip::user_network::{Forward, GATEWAY, Protocol, StartError, UserNetwork};

use crate::guest::Guest;
use crate::host::{disorder, exchange, forward, reset, with_forward};

#[test]
fn megabytes_arrive_whole_from_a_host_that_began() {
    let (network, address) = with_forward(UserNetwork::builder(), 80, Protocol::Tcp);
    let mut guest = Guest::new(&network);
    let handle = guest.listen(80);
    let host = thread::spawn(move || {
        let stream = TcpStream::connect(address).expect("a connection");
        exchange(&stream, &disorder(2_000_000, 1))
    });
    let peer = guest.until("a visitor", |guest| {
        let socket = guest.tcp(handle);
        socket.may_send().then(|| socket.remote_endpoint())
    });
    assert_eq!(peer.map(|peer| peer.addr), Some(IpAddress::Ipv4(GATEWAY)));
    let (taken, _) = guest.exchange(handle, &disorder(2_000_000, 2), false);
    assert!(taken == disorder(2_000_000, 1));
    guest.until("the connection's last word", |guest| {
        (guest.tcp(handle).state() == State::Closed).then_some(())
    });
    assert!(host.join().expect("no panic") == disorder(2_000_000, 2));
}

#[test]
fn many_connections_at_once_and_after_one_another() {
    const AT_ONCE: usize = 16;
    const ROUNDS: usize = 25;
    let (network, address) = with_forward(UserNetwork::builder(), 3232, Protocol::Tcp);
    let mut guest = Guest::new(&network);
    let mut sockets = (0..AT_ONCE).map(|_| guest.listen(3232)).collect::<Vec<_>>();
    // Each thread asks again and again, and is told what it said.
    let hosts = (0..AT_ONCE).map(|which| {
        thread::spawn(move || {
            for round in 0..ROUNDS {
                let bytes = disorder(5000, (which * ROUNDS + round) as u64);
                // While the guest's sockets are all taken it refuses, as the firmware does.
                let answer = loop {
                    let mut stream = TcpStream::connect(address).expect("the forward listens");
                    let mut answer = vec![0; bytes.len()];
                    let asked = stream
                        .write_all(&bytes)
                        .and_then(|()| stream.read_exact(&mut answer));
                    match asked {
                        Ok(()) => break answer,
                        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
                    }
                };
                assert!(answer == bytes);
            }
        })
    });
    let hosts = hosts.collect::<Vec<_>>();
    guest.until("all of them", |guest| {
        for handle in &mut sockets {
            let socket = guest.tcp(*handle);
            if socket.can_recv() && socket.can_send() {
                let room = socket.send_capacity() - socket.send_queue();
                let bytes = socket.recv(|bytes| {
                    let count = bytes.len().min(room);
                    (count, bytes[..count].to_vec())
                });
                let bytes = bytes.expect("it is open");
                assert_eq!(socket.send_slice(&bytes), Ok(bytes.len()));
            }
            if socket.state() == State::CloseWait && !socket.can_recv() {
                socket.close();
            }
            if matches!(socket.state(), State::Closed | State::TimeWait) {
                guest.sockets.remove(*handle);
                *handle = guest.listen(3232);
            }
        }
        hosts
            .iter()
            .all(thread::JoinHandle::is_finished)
            .then_some(())
    });
    for host in hosts {
        host.join().expect("no panic");
    }
}

#[test]
fn a_guest_that_does_not_listen_breaks_the_hosts_connection() {
    let (network, address) = with_forward(UserNetwork::builder(), 80, Protocol::Tcp);
    let mut guest = Guest::new(&network);
    let host = thread::spawn(move || {
        let mut stream = TcpStream::connect(address).expect("the forward listens");
        stream.read(&mut [0]).map_err(|error| error.kind())
    });
    guest.until("the host's end", |_| host.is_finished().then_some(()));
    let end = host.join().expect("no panic");
    assert_eq!(end, Err(ErrorKind::ConnectionReset));
}

#[test]
fn a_host_that_gave_up_is_no_visitor_of_a_guest_that_comes_later() {
    let (network, address) = with_forward(UserNetwork::builder(), 80, Protocol::Tcp);
    // Nobody is on the cable yet.
    for _ in 0..5 {
        drop(TcpStream::connect(address).expect("the forward listens"));
    }
    let host = thread::spawn(move || {
        let mut stream = TcpStream::connect(address).expect("the forward listens");
        stream.write_all(b"patient").expect("it is open");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("an answer");
        answer
    });
    let mut guest = Guest::new(&network);
    let handle = guest.listen(80);
    let bytes = guest.until("the one that waited", |guest| {
        let socket = guest.tcp(handle);
        let bytes = socket.recv(|bytes| (bytes.len(), bytes.to_vec())).ok()?;
        (!bytes.is_empty()).then_some(bytes)
    });
    assert_eq!(bytes, b"patient");
    guest.tcp(handle).send_slice(b"served").expect("it is open");
    guest.tcp(handle).close();
    guest.until("the host's end", |_| host.is_finished().then_some(()));
    assert_eq!(host.join().expect("no panic"), b"served");
}

#[test]
fn a_reset_of_the_host_reaches_a_listening_guest() {
    let (network, address) = with_forward(UserNetwork::builder(), 80, Protocol::Tcp);
    let mut guest = Guest::new(&network);
    let handle = guest.listen(80);
    let stream = TcpStream::connect(address).expect("the forward listens");
    guest.until("a visitor", |guest| {
        guest.tcp(handle).may_send().then_some(())
    });
    reset(stream);
    guest.until("its reset", |guest| {
        let state = guest.tcp(handle).state();
        // An end that is no reset would have come by this state.
        assert_ne!(state, State::CloseWait);
        (state == State::Closed).then_some(())
    });
}

#[test]
fn forwards_are_open_to_this_host_alone() {
    let everybody = Forward {
        host: (Ipv4Addr::UNSPECIFIED, 0).into(),
        guest_port: 80,
        protocol: Protocol::Tcp,
    };
    let refused = UserNetwork::builder().forward(everybody).start();
    let refused = refused.expect_err("it is open to others");
    assert_eq!(refused.code(), "forward_not_loopback");
    assert_eq!(
        refused.to_string(),
        "0.0.0.0:0 is not an address of this host's loopback; forward from 127.0.0.1"
    );
}

#[test]
fn a_taken_address_is_named() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let host: SocketAddr = taken.local_addr().expect("an address");
    let forward = Forward {
        host,
        ..forward(80, Protocol::Tcp)
    };
    let refused = UserNetwork::builder().forward(forward).start();
    match refused {
        Err(error @ StartError::Listen { .. }) => {
            assert_eq!(error.code(), "forward_address_taken");
            assert!(error.to_string().contains(&host.to_string()), "{error}");
        }
        other => panic!("{other:?}"),
    }
}
