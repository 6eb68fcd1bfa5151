//! The network behind the chip's Ethernet: one machine that is gateway, DHCP and DNS, and behind it this host's loopback.
//!
//! The chip is alone on its cable with a gateway this module plays, at the addresses QEMU's user-mode network has:
//!
//! ```text
//!   the chip, 10.0.2.15 ──cable── 10.0.2.2, the gateway ── 127.0.0.1 of this host
//!                                 10.0.2.3, DNS
//! ```
//!
//! - **An address**: DHCP gives [`GUEST`], the router [`GATEWAY`] and the name server [`DNS`], to whoever asks.
//! - **Out**: a connection or datagram to 10.0.2.2 becomes one to the same port of 127.0.0.1. A connection is
//!   answered only once the host has answered it, so a port nobody listens on refuses the chip as it would a program.
//! - **In**: nothing, but for the ports a [`Forward`] opens on the host's loopback. The chip sees its visitors come from
//!   10.0.2.2.
//! - **Nowhere else**: connections to any other address are refused, and datagrams to them are lost. Whatever the
//!   firmware tries, nothing leaves this machine, and nothing from outside reaches the chip.
//! - **Names**: 10.0.2.3 knows `host.updraft` and what [`Builder::name`] added; every other name does not exist.
//! - **Multicast**: datagrams to a group, mDNS above all, go to [`Builder::on_multicast`], and
//!   [`UserNetwork::inject`] sends one to the chip.
//! - **Trouble**: [`UserNetwork::set_link`] pulls the cable, [`Loss`] loses frames the same way each time for one seed.
//!
//! Ends, half-ends and resets of a connection are passed on in both directions, and a side that reads slowly slows the
//! other: at most [`BUFFER`] bytes of each direction wait here, of [`MAX_CONNECTIONS`] at a time.
//!
//! [`UserNetwork::port`] is the chip's end of the cable. Its methods put frames into queues and take them out; a thread
//! of the network's own moves everything else, until the [`UserNetwork`] is dropped. TCP's timers run by the host's
//! clock: a chip that is emulated slower than it would run looks, from here, like one far away.
//!
//! IPv4 only, and no fragments: a datagram holds at most [`MAX_DATAGRAM`] bytes, a longer one is lost.

mod builder;
mod cable;
mod connection;
mod connections;
mod datagrams;
mod device;
mod dhcp;
mod dns;
mod frame;
mod gateway;
mod network;
mod port;
mod stack;

use std::net::Ipv4Addr;

pub use builder::{Builder, Forward, Loss, Protocol, StartError};
pub use connection::BUFFER;
pub use connections::MAX_CONNECTIONS;
pub use frame::{Datagram, MAX_DATAGRAM};
pub use network::{Counts, UserNetwork};
pub use port::Port;

/// The gateway's address. Its ports are those of this host's 127.0.0.1.
pub const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 2);
/// The name server's address.
pub const DNS: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 3);
/// The address DHCP gives the chip, and the one that forwards lead to.
pub const GUEST: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 15);
/// How many leading bits of these addresses are the network's.
pub const PREFIX: u8 = 24;
