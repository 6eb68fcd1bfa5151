//! mDNS: being found on the local network without being looked for by address.
//!
//! A device is announced as `HOST.local` (RFC 6762) with three services (RFC 6763): `_http._tcp`, the pages
//! and the API; `_ota._tcp`, where firmware is pushed; and `_arduino._tcp`, by which the Arduino tools find
//! what espota can flash. `_services._dns-sd._udp.local` lists the three.
//!
//! [`Responder`] makes packets out of packets and knows no socket; [`serve`] drives one over any
//! [`UnconnectedUdp`](embedded_nal_async::UnconnectedUdp) socket that has joined [`GROUP`].
//!
//! # What it keeps to
//! Known-answer suppression, unicast answers where they are asked for (QU) and to plain resolvers that ask
//! from another port (legacy), the cache-flush bit, negative answers (NSEC) so that nobody waits for an IPv6
//! address, two announcements after start and a goodbye before a reboot. Questions from outside the device's
//! subnet are not answered: they would make it an amplifier.
//!
//! Names are not probed for: a host name must carry something unique, such as the end of the MAC address.
//!
//! # Memory
//! No heap. A packet in and a packet out of [`MAX_PACKET`] bytes each lie in the future of [`serve`], which has at
//! most 4 KiB.
//!
//! The crates there are were looked at first: `edge-mdns` 0.8 has neither known-answer suppression nor the
//! cache-flush bit, answers every type a name has, panics on labels over 63 bytes, and its wire format
//! (`domain`) needs compare-and-swap, which an ESP32-C3 lacks; `simple-dns` takes heap in proportion to what
//! a hostile packet says.

mod about;
mod advertisement;
mod name;
mod query;
mod record;
mod responder;
mod serve;
mod writer;

use core::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

pub use about::{About, Place};
pub use advertisement::Advertisement;
pub use responder::{Reply, Responder};
pub use serve::serve;

/// The UDP port of mDNS.
pub const PORT: u16 = 5353;

/// Where everybody listens, by IPv4 (RFC 6762, section 3).
pub const GROUP: SocketAddr =
    SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::new(224, 0, 0, 251), PORT));

/// Most bytes of a packet sent, and of one that is looked at: what fits one Ethernet frame with the longest
/// headers of IP and UDP.
pub const MAX_PACKET: usize = 1460;
