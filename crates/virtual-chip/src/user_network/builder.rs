//! What a network is set up with.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use thiserror::Error;

use super::GATEWAY;
use super::dns::Names;
use super::frame::Datagram;
use super::network::UserNetwork;

/// The name under which the guest finds this host.
const HOST_NAME: &str = "host.updraft";

/// What a [`Forward`] carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Connections.
    Tcp,
    /// Datagrams, and the guest's answers to them.
    Udp,
}

/// A port of this host that leads to one of the guest's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forward {
    /// Where it is reached: an address of this host's loopback. With port 0 any free one is taken, see
    /// [`UserNetwork::forwards`].
    pub host: SocketAddr,
    /// The guest's port.
    pub guest_port: u16,
    /// Connections or datagrams.
    pub protocol: Protocol,
}

/// Frames lost on their way, in both directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loss {
    /// How many of a thousand frames are lost, 0 to 1000.
    pub per_mille: u16,
    /// Decides which: the same frames with the same seed, as far as the same frames are sent.
    pub seed: u64,
}

/// Why a network could not be started.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// A forward's address is open to others than this host.
    #[error("{0} is not an address of this host's loopback; forward from 127.0.0.1")]
    NotLoopback(SocketAddr),
    /// A forward's address could not be listened on.
    #[error("cannot listen on {address}: {source}; take another port, or 0 for any free one")]
    Listen {
        /// The address of the forward.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The system gave no event queue or no thread.
    #[error(
        "the system refused an event queue or a thread: {0}; are there too many open files or processes?"
    )]
    System(#[from] io::Error),
}

impl StartError {
    /// Stable name of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotLoopback(_) => "forward_not_loopback",
            Self::Listen { .. } => "forward_address_taken",
            Self::System(_) => "network_refused_by_system",
        }
    }
}

/// Who hears of the guest's multicast datagrams.
pub(super) type Observer = Box<dyn FnMut(Datagram) + Send>;

/// A network to be started. Without anything said: no forwards, no loss, and `host.updraft` the only name.
pub struct Builder {
    pub(super) forwards: Vec<Forward>,
    pub(super) names: Names,
    pub(super) loss: Option<Loss>,
    pub(super) observer: Option<Observer>,
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("forwards", &self.forwards)
            .field("names", &self.names)
            .field("loss", &self.loss)
            .finish_non_exhaustive()
    }
}

impl Default for Builder {
    fn default() -> Self {
        let mut names = Names::default();
        names.insert(HOST_NAME, GATEWAY);
        Self {
            forwards: Vec::new(),
            names,
            loss: None,
            observer: None,
        }
    }
}

impl Builder {
    /// Opens a port of this host that leads to the guest.
    #[must_use]
    pub fn forward(mut self, forward: Forward) -> Self {
        self.forwards.push(forward);
        self
    }

    /// Adds a name to those the name server knows. An address other than the gateway's leads nowhere.
    #[must_use]
    pub fn name(mut self, name: &str, address: Ipv4Addr) -> Self {
        self.names.insert(name, address);
        self
    }

    /// Loses frames.
    #[must_use]
    pub fn loss(mut self, loss: Loss) -> Self {
        self.loss = Some(loss);
        self
    }

    /// Has every multicast datagram of the guest told, on the network's own thread, which waits for it.
    #[must_use]
    pub fn on_multicast(mut self, observer: impl FnMut(Datagram) + Send + 'static) -> Self {
        self.observer = Some(Box::new(observer));
        self
    }

    /// Starts the network, with its cable plugged in.
    ///
    /// Fails where a forward's address is not one of the loopback or is taken, or the system gives no thread.
    pub fn start(self) -> Result<UserNetwork, StartError> {
        UserNetwork::start(self)
    }
}
