//! A running network.

use std::net::SocketAddrV4;
use std::sync::Arc;
use std::sync::mpsc::{self, Sender};
use std::thread::{self, JoinHandle};

use mio::{Poll, Waker};

use super::builder::{Builder, Forward, StartError};
use super::cable::Cable;
use super::frame::Datagram;
use super::gateway::{Gateway, WAKE};
use super::port::Port;

/// What has gone over the cable so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Frames the guest sent, the lost ones among them.
    pub from_guest: u64,
    /// Frames that were ready for the guest to take.
    pub to_guest: u64,
    /// Frames of either direction that did not arrive: by [`Loss`](super::Loss), while the cable was pulled, or because
    /// nobody took them.
    pub lost: u64,
}

/// A running network. It ends, with all its connections, when it is dropped.
#[derive(Debug)]
pub struct UserNetwork {
    cable: Arc<Cable>,
    forwards: Vec<Forward>,
    injected: Sender<Datagram>,
    thread: Option<JoinHandle<()>>,
}

impl UserNetwork {
    /// A network to be set up.
    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(super) fn start(builder: Builder) -> Result<Self, StartError> {
        let poll = Poll::new()?;
        let cable = Cable::new(Waker::new(poll.registry(), WAKE)?, builder.loss);
        let (injected, to_inject) = mpsc::channel();
        let mut gateway = Gateway::new(poll, Arc::clone(&cable), to_inject, builder.names);
        gateway.observer = builder.observer;
        let forwards = builder
            .forwards
            .into_iter()
            .map(|forward| gateway.open(forward))
            .collect::<Result<_, _>>()?;
        let thread = thread::Builder::new()
            .name("user-network".to_owned())
            .spawn(move || gateway.run())?;
        Ok(Self {
            cable,
            forwards,
            injected,
            thread: Some(thread),
        })
    }

    /// The guest's end of the cable. There is one guest: a second end would share its frames.
    pub fn port(&self) -> Port {
        Port::new(Arc::clone(&self.cable))
    }

    /// The forwards in the order they were given, each with the address it is bound to.
    pub fn forwards(&self) -> &[Forward] {
        &self.forwards
    }

    /// Pulls the cable or plugs it in. While it is pulled every frame is lost; connections stay, and go on by their
    /// repetitions once it is back.
    pub fn set_link(&self, up: bool) {
        self.cable.set_up(up);
    }

    /// Whether the cable is plugged in.
    pub fn link_is_up(&self) -> bool {
        self.cable.is_up()
    }

    /// Sends the guest a datagram to the multicast group `to`, as if another machine of its network had. A longer one
    /// than [`MAX_DATAGRAM`](super::MAX_DATAGRAM) bytes is lost.
    pub fn inject(&self, from: SocketAddrV4, to: SocketAddrV4, payload: &[u8]) {
        let payload = payload.to_vec();
        // It fails only where the gateway is gone, and then there is nobody to send it.
        let _ = self.injected.send(Datagram { from, to, payload });
        self.cable.nudge();
    }

    /// What has gone over the cable so far.
    pub fn counts(&self) -> Counts {
        self.cable.counts()
    }
}

impl Drop for UserNetwork {
    fn drop(&mut self) {
        self.cable.stop();
        if let Some(thread) = self.thread.take() {
            // A panic of an observer has been told already, on its own thread.
            let _ = thread.join();
        }
    }
}
