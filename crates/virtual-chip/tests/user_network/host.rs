//! Programs of the host.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rand::Rng as _;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use socket2::SockRef;
use updraft_virtual_chip::user_network::{Builder, Forward, Protocol, UserNetwork};

/// Bytes without any order, the same for the same seed.
pub(crate) fn disorder(length: usize, seed: u64) -> Vec<u8> {
    let mut bytes = vec![0; length];
    StdRng::seed_from_u64(seed).fill_bytes(&mut bytes);
    bytes
}

/// A network without anything special.
pub(crate) fn network() -> UserNetwork {
    UserNetwork::builder().start().expect("a network")
}

/// A port of this host's loopback that leads to the guest.
pub(crate) fn forward(guest_port: u16, protocol: Protocol) -> Forward {
    Forward {
        host: (Ipv4Addr::LOCALHOST, 0).into(),
        guest_port,
        protocol,
    }
}

/// A network with one forward, and where that is.
pub(crate) fn with_forward(
    builder: Builder,
    guest_port: u16,
    protocol: Protocol,
) -> (UserNetwork, SocketAddr) {
    let network = builder
        .forward(forward(guest_port, protocol))
        .start()
        .expect("a network");
    let address = network.forwards()[0].host;
    (network, address)
}

/// A program that takes one connection and does this with it.
pub(crate) fn serve<T: Send + 'static>(
    work: impl FnOnce(TcpStream) -> T + Send + 'static,
) -> (u16, JoinHandle<T>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let thread = thread::spawn(move || {
        let (stream, peer) = listener.accept().expect("a connection");
        assert!(peer.ip().is_loopback());
        work(stream)
    });
    (port, thread)
}

/// A port nobody listens on.
pub(crate) fn closed_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    listener.local_addr().expect("an address").port()
}

/// Sends all this and ends its part, side by side with taking all that comes.
pub(crate) fn exchange(stream: &TcpStream, bytes: &[u8]) -> Vec<u8> {
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut stream = stream;
            stream.write_all(bytes).expect("it takes all");
            stream.shutdown(Shutdown::Write).expect("it is open");
        });
        let mut taken = Vec::new();
        let mut stream = stream;
        stream
            .read_to_end(&mut taken)
            .expect("it ends as it should");
        taken
    })
}

/// Closes a connection the hard way.
pub(crate) fn reset(stream: TcpStream) {
    SockRef::from(&stream)
        .set_linger(Some(Duration::ZERO))
        .expect("it is open");
    drop(stream);
}
