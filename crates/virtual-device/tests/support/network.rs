//! The only network there is: every connection leads to the server in memory.

use std::cell::RefCell;
use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;

use embedded_io_async::ErrorKind;
use embedded_nal_async::{AddrType, Dns, TcpConnect};
use updraft_agent::Clock as _;

use super::clock::VirtualClock;
use super::reply::{Reply, Then};
use super::server::Server;

/// A network that answers at once, unless the server's reply takes its time.
pub(crate) struct MemoryNetwork {
    pub(crate) server: Rc<RefCell<Server>>,
    pub(crate) clock: VirtualClock,
    /// Whether this app gets its network up at all.
    pub(crate) up: bool,
}

/// What went wrong on the network.
#[derive(Debug)]
pub(crate) struct NetworkError(ErrorKind);

impl std::fmt::Display for NetworkError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl std::error::Error for NetworkError {}

impl embedded_io_async::Error for NetworkError {
    fn kind(&self) -> ErrorKind {
        self.0
    }
}

pub(crate) struct MemoryConnection {
    server: Rc<RefCell<Server>>,
    clock: VirtualClock,
    request: Vec<u8>,
    reply: Option<(Reply, usize)>,
}

impl TcpConnect for MemoryNetwork {
    type Error = NetworkError;
    type Connection<'a> = MemoryConnection;

    async fn connect(&self, _: SocketAddr) -> Result<MemoryConnection, NetworkError> {
        if !self.up || !self.server.borrow().reachable {
            return Err(NetworkError(ErrorKind::ConnectionRefused));
        }
        Ok(MemoryConnection {
            server: Rc::clone(&self.server),
            clock: self.clock.clone(),
            request: Vec::new(),
            reply: None,
        })
    }
}

impl Dns for MemoryNetwork {
    type Error = Infallible;

    async fn get_host_by_name(&self, _: &str, _: AddrType) -> Result<IpAddr, Infallible> {
        Ok(Ipv4Addr::LOCALHOST.into())
    }

    async fn get_host_by_address(&self, _: IpAddr, _: &mut [u8]) -> Result<usize, Infallible> {
        Ok(0)
    }
}

impl embedded_io_async::ErrorType for MemoryConnection {
    type Error = NetworkError;
}

impl embedded_io_async::Write for MemoryConnection {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, NetworkError> {
        self.request.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    async fn flush(&mut self) -> Result<(), NetworkError> {
        Ok(())
    }
}

impl embedded_io_async::Read for MemoryConnection {
    async fn read(&mut self, bytes: &mut [u8]) -> Result<usize, NetworkError> {
        let (reply, sent) = self.reply.get_or_insert_with(|| {
            let answer = self.server.borrow_mut().answer(&self.request, &self.clock);
            (answer, 0)
        });
        let (part, from) = match sent.checked_sub(reply.head.len()) {
            None => (&reply.head[..], *sent),
            Some(from) => (&reply.body[..], from),
        };
        let left = &part[from..];
        if left.is_empty() && !bytes.is_empty() {
            return match reply.then {
                Then::Close => Ok(0),
                Then::Silence => std::future::pending().await,
                Then::Reset => Err(NetworkError(ErrorKind::ConnectionReset)),
            };
        }
        let count = left.len().min(bytes.len());
        bytes[..count].copy_from_slice(&left[..count]);
        *sent += count;
        if let Some(pace) = reply.pace {
            self.clock.sleep_ms(count as u64 * 1000 / pace).await;
        }
        Ok(count)
    }
}
