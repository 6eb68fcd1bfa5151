//! TCP and names for the agent, over embassy-net.

use core::cell::Cell;
use core::net::{IpAddr, SocketAddr};

use embassy_net::Stack;
use embassy_net::dns::DnsSocket;
use embassy_net::tcp::{ConnectError, Error, State, TcpSocket};
use embassy_time::Duration;
use embedded_io_async::{ErrorKind, ErrorType, Read, Write};
use embedded_nal_async::{AddrType, Dns, TcpConnect};
use static_cell::ConstStaticCell;

/// Connections the agent opens at a time: one to the server, one back to a sender of espota.
pub const CONNECTIONS: usize = 2;
/// Bytes that may arrive before they are read: the window a download has, three full frames.
const RECEIVED: usize = 3 * 1460;
/// Bytes that may wait to be sent: a check-in with its head in one go.
const SENT: usize = 2048;
/// After so long without an answer a connection is given up by the stack. The agent's own limits are shorter; this one
/// ends what nobody waits for any more.
const DEAD_AFTER: Duration = Duration::from_secs(60);

struct Buffers {
    received: [u8; RECEIVED],
    sent: [u8; SENT],
}

/// TCP connections to others, and their names.
///
/// A connection that is dropped is closed behind its owner's back: its socket stays with the stack until the other side
/// knows. (embassy-net's own `TcpClient` frees the socket at once, and the server never hears of the end.)
pub struct Network {
    stack: Stack<'static>,
    sockets: [Cell<Option<TcpSocket<'static>>>; CONNECTIONS],
}

impl Network {
    /// Connections over this stack. To be made once.
    pub fn new(stack: Stack<'static>) -> Self {
        static BUFFERS: ConstStaticCell<[Buffers; CONNECTIONS]> = ConstStaticCell::new(
            [const {
                Buffers {
                    received: [0; RECEIVED],
                    sent: [0; SENT],
                }
            }; CONNECTIONS],
        );
        let sockets = BUFFERS.take().each_mut().map(|buffers| {
            let mut socket = TcpSocket::new(stack, &mut buffers.received, &mut buffers.sent);
            socket.set_timeout(Some(DEAD_AFTER));
            Cell::new(Some(socket))
        });
        Self { stack, sockets }
    }

    /// A socket nobody uses, rather one that has said its goodbyes.
    fn free(&self) -> Option<Connection<'_>> {
        let mut parting = None;
        for home in &self.sockets {
            let Some(socket) = home.take() else { continue };
            if socket.state() == State::Closed {
                return Some(Connection {
                    home,
                    socket: Some(socket),
                });
            }
            home.set(Some(socket));
            parting.get_or_insert(home);
        }
        let home = parting?;
        let mut socket = home.take()?;
        socket.abort();
        Some(Connection {
            home,
            socket: Some(socket),
        })
    }
}

/// Why there is no connection.
#[derive(Debug)]
pub enum NetworkError {
    /// As many are open as there may be.
    NoSocket,
    /// IPv6 is not spoken here.
    NotIpv4,
    /// The other side, or the way there.
    Connect(ConnectError),
    /// An open connection broke.
    Broken(Error),
}

impl core::fmt::Display for NetworkError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::NoSocket => write!(f, "all {CONNECTIONS} connections are in use"),
            Self::NotIpv4 => f.write_str("the address is not of IPv4"),
            Self::Connect(error) => write!(f, "no connection: {error:?}"),
            Self::Broken(error) => write!(f, "the connection broke: {error:?}"),
        }
    }
}

impl core::error::Error for NetworkError {}

impl embedded_io_async::Error for NetworkError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::NoSocket => ErrorKind::OutOfMemory,
            Self::NotIpv4 => ErrorKind::AddrNotAvailable,
            Self::Connect(ConnectError::ConnectionReset) => ErrorKind::ConnectionRefused,
            Self::Connect(error) => error.kind(),
            Self::Broken(error) => error.kind(),
        }
    }
}

/// One open connection.
pub struct Connection<'n> {
    home: &'n Cell<Option<TcpSocket<'static>>>,
    /// There until it is dropped.
    socket: Option<TcpSocket<'static>>,
}

impl Drop for Connection<'_> {
    fn drop(&mut self) {
        if let Some(socket) = &mut self.socket {
            socket.close();
        }
        self.home.set(self.socket.take());
    }
}

impl Connection<'_> {
    fn socket(&mut self) -> Result<&mut TcpSocket<'static>, NetworkError> {
        self.socket.as_mut().ok_or(NetworkError::NoSocket)
    }
}

impl TcpConnect for Network {
    type Error = NetworkError;
    type Connection<'a> = Connection<'a>;

    async fn connect(&self, remote: SocketAddr) -> Result<Connection<'_>, NetworkError> {
        let IpAddr::V4(address) = remote.ip() else {
            return Err(NetworkError::NotIpv4);
        };
        let mut connection = self.free().ok_or(NetworkError::NoSocket)?;
        connection
            .socket()?
            .connect((address, remote.port()))
            .await
            .map_err(NetworkError::Connect)?;
        Ok(connection)
    }
}

impl Dns for Network {
    type Error = embassy_net::dns::Error;

    async fn get_host_by_name(&self, host: &str, _: AddrType) -> Result<IpAddr, Self::Error> {
        let names = DnsSocket::new(self.stack);
        names.get_host_by_name(host, AddrType::IPv4).await
    }

    async fn get_host_by_address(&self, _: IpAddr, _: &mut [u8]) -> Result<usize, Self::Error> {
        // No part of the agent looks a name up by its address.
        Err(embassy_net::dns::Error::Failed)
    }
}

impl ErrorType for Connection<'_> {
    type Error = NetworkError;
}

impl Read for Connection<'_> {
    async fn read(&mut self, bytes: &mut [u8]) -> Result<usize, NetworkError> {
        let read = self.socket()?.read(bytes).await;
        read.map_err(NetworkError::Broken)
    }
}

impl Write for Connection<'_> {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, NetworkError> {
        let written = self.socket()?.write(bytes).await;
        written.map_err(NetworkError::Broken)
    }

    async fn flush(&mut self) -> Result<(), NetworkError> {
        let flushed = self.socket()?.flush().await;
        flushed.map_err(NetworkError::Broken)
    }
}
