//! Connections the guest begins.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener};
use std::sync::mpsc;

use smoltcp::socket::tcp::State;
use updraft_virtual_chip::user_network::{BUFFER, MAX_CONNECTIONS};

use crate::guest::{End, Guest};
use crate::host::{closed_port, disorder, exchange, network, reset, serve};

const MEGABYTES: usize = 4 * 1024 * 1024;

#[test]
fn megabytes_arrive_whole_both_ways_at_once() {
    let network = network();
    let mut guest = Guest::new(&network);
    let (port, host) = serve(|stream| exchange(&stream, &disorder(MEGABYTES, 1)));
    let handle = guest.connect(port);
    let (taken, end) = guest.exchange(handle, &disorder(MEGABYTES, 2), true);
    assert_eq!(end, End::Finished);
    assert!(taken == disorder(MEGABYTES, 1));
    assert!(host.join().expect("no panic") == disorder(MEGABYTES, 2));
    assert_eq!(network.counts().lost, 0);
}

#[test]
fn a_guest_that_ends_its_part_can_still_be_answered() {
    let network = network();
    let mut guest = Guest::new(&network);
    let (port, host) = serve(|mut stream| {
        let mut question = Vec::new();
        stream.read_to_end(&mut question).expect("the guest's end");
        // Only now, after the guest's end.
        stream.write_all(&disorder(100_000, 3)).expect("still open");
        question
    });
    let handle = guest.connect(port);
    let (answer, end) = guest.exchange(handle, b"all I have", true);
    assert_eq!(host.join().expect("no panic"), b"all I have");
    assert_eq!(end, End::Finished);
    assert!(answer == disorder(100_000, 3));
}

#[test]
fn a_host_that_ends_its_part_can_still_be_told() {
    let network = network();
    let mut guest = Guest::new(&network);
    let (port, host) = serve(|mut stream| {
        stream.write_all(b"tell me").expect("it is open");
        stream.shutdown(Shutdown::Write).expect("it is open");
        let mut told = Vec::new();
        stream.read_to_end(&mut told).expect("the guest's end");
        told
    });
    let handle = guest.connect(port);
    let state = guest.until("the host's end", |guest| {
        let socket = guest.tcp(handle);
        (socket.state() == State::CloseWait).then(|| socket.state())
    });
    assert_eq!(state, State::CloseWait);
    let (asked, end) = guest.exchange(handle, &disorder(100_000, 4), true);
    assert_eq!(
        (asked.as_slice(), end),
        (b"tell me".as_slice(), End::Finished)
    );
    assert!(host.join().expect("no panic") == disorder(100_000, 4));
}

#[test]
fn a_port_nobody_listens_on_refuses_the_guest_at_once() {
    let network = network();
    let mut guest = Guest::new(&network);
    let handle = guest.begin(closed_port());
    guest.until("the refusal", |guest| {
        let state = guest.tcp(handle).state();
        assert!(matches!(state, State::SynSent | State::Closed), "{state}");
        (state == State::Closed).then_some(())
    });
}

#[test]
fn a_reset_of_the_host_reaches_the_guest() {
    let network = network();
    let mut guest = Guest::new(&network);
    let (port, host) = serve(|mut stream| {
        stream.read_exact(&mut [0; 4]).expect("four bytes");
        reset(stream);
    });
    let handle = guest.connect(port);
    guest.tcp(handle).send_slice(b"four").expect("it is open");
    let (_, end) = guest.exchange(handle, &[], false);
    host.join().expect("no panic");
    assert_eq!(end, End::Reset);
}

#[test]
fn a_reset_of_the_guest_reaches_the_host() {
    let network = network();
    let mut guest = Guest::new(&network);
    let (port, host) = serve(|mut stream| {
        stream.read_exact(&mut [0; 4]).expect("four bytes");
        stream.read(&mut [0; 4]).map_err(|error| error.kind())
    });
    let handle = guest.connect(port);
    guest.tcp(handle).send_slice(b"four").expect("it is open");
    guest.until("the four bytes' arrival", |guest| {
        (guest.tcp(handle).send_queue() == 0).then_some(())
    });
    guest.tcp(handle).abort();
    guest.poll();
    let end = host.join().expect("no panic");
    assert_eq!(end, Err(ErrorKind::ConnectionReset));
}

#[test]
fn connections_beyond_the_limit_are_refused_until_others_end() {
    let network = network();
    let mut guest = Guest::new(&network);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let mut open = Vec::new();
    for _ in 0..MAX_CONNECTIONS {
        let handle = guest.connect(port);
        open.push((handle, listener.accept().expect("a connection")));
    }
    let beyond = guest.begin(port);
    guest.until("the refusal", |guest| {
        let state = guest.tcp(beyond).state();
        assert_ne!(state, State::Established);
        (state == State::Closed).then_some(())
    });
    let (handle, (stream, _)) = open.pop().expect("many");
    drop(stream);
    assert_eq!(guest.exchange(handle, &[], false).1, End::Finished);
    guest.until("room for one more", |guest| {
        (guest.tcp(handle).state() == State::Closed).then_some(())
    });
    guest.connect(port);
}

#[test]
fn a_host_that_does_not_read_holds_the_guest_back() {
    let network = network();
    let mut guest = Guest::new(&network);
    let (go, wait) = mpsc::channel();
    let (port, host) = serve(move |mut stream| {
        let () = wait.recv().expect("the word to go");
        let mut taken = Vec::new();
        stream.read_to_end(&mut taken).expect("the guest's end");
        taken
    });
    let handle = guest.connect(port);
    // More than the host's own buffers take, whatever their size.
    let bytes = disorder(32 * 1024 * 1024, 5);
    let mut sent = 0;
    let mut still = 0;
    guest.until("the guest being held back", |guest| {
        let count = guest.tcp(handle).send_slice(&bytes[sent..]).expect("open");
        sent += count;
        still = if count == 0 { still + 1 } else { 0 };
        (still > 2000).then_some(())
    });
    assert!(sent > BUFFER && sent < bytes.len(), "{sent}");
    go.send(()).expect("the host waits");
    let (_, end) = guest.exchange(handle, &bytes[sent..], true);
    assert_eq!(end, End::Finished);
    assert!(host.join().expect("no panic") == bytes);
}

#[test]
fn a_guest_that_does_not_read_holds_the_host_back() {
    let network = network();
    let mut guest = Guest::new(&network);
    let (told, progress) = mpsc::channel();
    let (port, host) = serve(move |mut stream| {
        for piece in disorder(32 * 1024 * 1024, 6).chunks(64 * 1024) {
            stream.write_all(piece).expect("it is open");
            told.send(piece.len()).expect("somebody listens");
        }
    });
    let handle = guest.connect(port);
    let mut written = 0;
    let mut still = 0;
    guest.until("the host being held back", |_| {
        let before = written;
        written += progress.try_iter().sum::<usize>();
        still = if written == before { still + 1 } else { 0 };
        (still > 2000).then_some(())
    });
    assert!(written < 32 * 1024 * 1024, "{written}");
    let (taken, end) = guest.exchange(handle, &[], false);
    host.join().expect("no panic");
    assert_eq!(end, End::Finished);
    assert!(taken == disorder(32 * 1024 * 1024, 6));
}
