//! A device's life on a socket: announced, again with a new address, and gone.

use std::cell::Cell;
use std::net::Ipv4Addr;
use std::sync::Arc;

use embedded_nal_async::UnconnectedUdp as _;
use simple_dns::Packet;
use simple_dns::rdata::RData;
use tokio::sync::Notify;
use updraft_agent::mdns::{Advertisement, MAX_PACKET, serve};
use updraft_virtual_device::host::{HostClock, MulticastSocket};

use super::device;

/// Ten times as fast as a clock, so that a new address is noticed within half a second.
const SPEED: u32 = 10;

/// The next address announced for this host that was not asked for, and how long it is good for.
async fn next_address(socket: &mut MulticastSocket, host: &str) -> (Ipv4Addr, u32) {
    let mut buffer = [0; MAX_PACKET];
    loop {
        let (length, _, _) = socket.receive_into(&mut buffer).await.unwrap();
        // Others speak in this group too.
        let Ok(packet) = Packet::parse(&buffer[..length]) else {
            continue;
        };
        let ours = packet
            .answers
            .iter()
            .find_map(|record| match &record.rdata {
                RData::A(address) if record.name.to_string() == host => {
                    Some((Ipv4Addr::from(address.address), record.ttl))
                }
                _ => None,
            });
        if let Some(found) = ours {
            return found;
        }
    }
}

#[tokio::test]
async fn a_device_announces_itself_twice_and_says_goodbye() {
    let name = format!("up-{:08x}", rand::random::<u32>());
    let host = format!("{name}.local");
    let mut listener = MulticastSocket::new(Ipv4Addr::LOCALHOST).unwrap();
    let mut socket = MulticastSocket::new(Ipv4Addr::LOCALHOST).unwrap();
    let clock = HostClock::new(SPEED, Arc::default());
    let address = Cell::new(Ipv4Addr::LOCALHOST);
    let now = || Advertisement {
        hostname: &name,
        instance: &name,
        ipv4: address.get(),
        prefix: 8,
        ..device()
    };
    let leave = Notify::new();
    let device = serve(&mut socket, &clock, now, leave.notified());
    let size = size_of_val(&device);
    println!("the future of a responder has {size} bytes");
    assert!(size <= 4096);
    let story = async {
        let first = (Ipv4Addr::LOCALHOST, 120);
        assert_eq!(next_address(&mut listener, &host).await, first);
        assert_eq!(next_address(&mut listener, &host).await, first);
        let moved = Ipv4Addr::new(127, 0, 0, 9);
        address.set(moved);
        assert_eq!(next_address(&mut listener, &host).await, (moved, 120));
        assert_eq!(next_address(&mut listener, &host).await, (moved, 120));
        leave.notify_one();
        assert_eq!(next_address(&mut listener, &host).await, (moved, 0));
    };
    tokio::join!(device, story);
}
