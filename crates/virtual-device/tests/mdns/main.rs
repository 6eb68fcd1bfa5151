//! The mDNS responder: its rules, packet by packet, what it makes of hostile packets, and its life on a socket.
//! What it writes is read by an independent parser.

mod hostile;
mod rules;
mod socket;

use std::net::{Ipv4Addr, SocketAddr};

use simple_dns::{Packet, ResourceRecord};
use updraft_agent::mdns::Advertisement;

/// A device on a network of 256 addresses.
fn device() -> Advertisement<'static> {
    Advertisement {
        hostname: "beacon-1a2b3c",
        instance: "Beacon in the hall",
        ipv4: Ipv4Addr::new(192, 168, 7, 20),
        prefix: 24,
        http_port: 80,
        ota_port: 3232,
        board: "esp32c3",
        version: "1.2.0",
        auth: false,
        slot: "ota_0",
        project: Some("beacon"),
    }
}

/// Somebody of the same network who speaks mDNS.
fn neighbour() -> SocketAddr {
    "192.168.7.9:5353".parse().unwrap()
}

/// Records as lines: name, type, seconds, and whether it replaces what was known.
fn lines(records: &[ResourceRecord<'_>]) -> Vec<String> {
    let line = |record: &ResourceRecord<'_>| {
        let kind = record.rdata.type_code();
        let flush = if record.cache_flush { " flush" } else { "" };
        format!("{} {kind:?} {}{flush}", record.name, record.ttl)
    };
    records.iter().map(line).collect()
}

fn parse(packet: &[u8]) -> Packet<'_> {
    Packet::parse(packet).unwrap_or_else(|error| panic!("{error}: {packet:02x?}"))
}
