//! Frames, as far as the gateway looks at them itself: which begin a connection, which carry a datagram, and how to
//! refuse or to send one.

use std::net::{Ipv4Addr, SocketAddrV4};

use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    EthernetAddress, EthernetFrame, EthernetProtocol, EthernetRepr, IpAddress, IpProtocol,
    Ipv4Packet, Ipv4Repr, TcpControl, TcpPacket, TcpRepr, TcpSeqNumber, UdpPacket, UdpRepr,
};

use super::{DNS, GATEWAY};
use crate::ethernet::MAX_FRAME;

/// The gateway's hardware address, the one QEMU gives its own.
pub(super) const GATEWAY_HARDWARE: EthernetAddress =
    EthernetAddress([0x52, 0x55, 0x0a, 0x00, 0x02, 0x02]);

const ETHERNET_HEADER: usize = 14;
const IPV4_HEADER: usize = 20;
const UDP_HEADER: usize = 8;
/// Bytes a datagram has room for: what a frame leaves without the headers of IPv4 and UDP.
pub const MAX_DATAGRAM: usize = MAX_FRAME - ETHERNET_HEADER - IPV4_HEADER - UDP_HEADER;
/// Routers between here and the guest: none. The usual number all the same, which some programs look at.
const HOP_LIMIT: u8 = 64;
/// What a multicast frame's hop limit must be, for mDNS (RFC 6762, section 11).
const MULTICAST_HOP_LIMIT: u8 = 255;

/// A datagram on the chip's network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datagram {
    /// Who sent it.
    pub from: SocketAddrV4,
    /// To whom: a machine or a multicast group.
    pub to: SocketAddrV4,
    /// What it carries, at most [`MAX_DATAGRAM`] bytes.
    pub payload: Vec<u8>,
}

/// What a frame from the guest is.
#[derive(Debug)]
pub(super) enum Seen {
    /// The begin of a connection to the gateway, with the number its first byte has.
    Begin(SocketAddrV4, u16, TcpSeqNumber),
    /// A part of a connection to a machine that is not there, and the frame that refuses it.
    Refused(Vec<u8>),
    /// A datagram.
    Datagram(Datagram),
    /// Anything else: for the stack, which knows what to ignore.
    Other,
}

/// What this frame is. Damaged ones are for the stack, too: it finds out by itself.
pub(super) fn look(frame: &[u8]) -> Seen {
    look_closely(frame).unwrap_or(Seen::Other)
}

/// Who sent this frame.
pub(super) fn sender(frame: &[u8]) -> Option<EthernetAddress> {
    let address = EthernetFrame::new_checked(frame).ok()?.src_addr();
    address.is_unicast().then_some(address)
}

fn look_closely(frame: &[u8]) -> Option<Seen> {
    let frame = EthernetFrame::new_checked(frame).ok()?;
    let for_us = frame.dst_addr() == GATEWAY_HARDWARE || !frame.dst_addr().is_unicast();
    if !for_us || frame.ethertype() != EthernetProtocol::Ipv4 {
        return None;
    }
    let packet = Ipv4Packet::new_checked(frame.payload()).ok()?;
    let ip = Ipv4Repr::parse(&packet, &ChecksumCapabilities::default()).ok()?;
    if packet.more_frags() || packet.frag_offset() != 0 {
        return None;
    }
    let (source, destination) = (IpAddress::Ipv4(ip.src_addr), IpAddress::Ipv4(ip.dst_addr));
    match ip.next_header {
        IpProtocol::Tcp => {
            let tcp = TcpPacket::new_checked(packet.payload()).ok()?;
            let checksums = ChecksumCapabilities::default();
            let tcp = TcpRepr::parse(&tcp, &source, &destination, &checksums).ok()?;
            if ip.dst_addr == GATEWAY {
                let begins = tcp.control == TcpControl::Syn && tcp.ack_number.is_none();
                let guest = SocketAddrV4::new(ip.src_addr, tcp.src_port);
                begins.then_some(Seen::Begin(guest, tcp.dst_port, tcp.seq_number))
            } else if ip.dst_addr == DNS || tcp.control == TcpControl::Rst {
                None
            } else {
                Some(Seen::Refused(refusal(frame.src_addr(), &ip, &tcp)))
            }
        }
        IpProtocol::Udp => {
            let udp = UdpPacket::new_checked(packet.payload()).ok()?;
            let sound = udp.verify_checksum(&source, &destination);
            sound.then(|| {
                Seen::Datagram(Datagram {
                    from: SocketAddrV4::new(ip.src_addr, udp.src_port()),
                    to: SocketAddrV4::new(ip.dst_addr, udp.dst_port()),
                    payload: udp.payload().to_vec(),
                })
            })
        }
        _ => None,
    }
}

/// The frame that refuses this segment, with the numbers RFC 9293, section 3.10.7.1 wants.
fn refusal(hardware: EthernetAddress, ip: &Ipv4Repr, tcp: &TcpRepr<'_>) -> Vec<u8> {
    let reset = TcpRepr {
        src_port: tcp.dst_port,
        dst_port: tcp.src_port,
        control: TcpControl::Rst,
        seq_number: tcp.ack_number.unwrap_or_default(),
        ack_number: match tcp.ack_number {
            Some(_) => None,
            None => Some(tcp.seq_number + tcp.segment_len()),
        },
        window_len: 0,
        window_scale: None,
        max_seg_size: None,
        sack_permitted: false,
        sack_ranges: [None; 3],
        timestamp: None,
        payload: &[],
    };
    let (from, to) = (ip.dst_addr, ip.src_addr);
    packet(
        hardware,
        from,
        to,
        IpProtocol::Tcp,
        reset.buffer_len(),
        |bytes| {
            reset.emit(
                &mut TcpPacket::new_unchecked(bytes),
                &from.into(),
                &to.into(),
                &ChecksumCapabilities::default(),
            );
        },
    )
}

/// The frame that carries this datagram to the machine with this hardware address, or to its multicast group. `None`
/// where it is longer than [`MAX_DATAGRAM`].
pub(super) fn carry(hardware: EthernetAddress, datagram: &Datagram) -> Option<Vec<u8>> {
    let Datagram { from, to, payload } = datagram;
    if payload.len() > MAX_DATAGRAM {
        return None;
    }
    let hardware = match to.ip() {
        group if group.is_multicast() => multicast(*group),
        ip if ip.is_broadcast() => EthernetAddress::BROADCAST,
        _ => hardware,
    };
    let udp = UdpRepr {
        src_port: from.port(),
        dst_port: to.port(),
    };
    let length = UDP_HEADER + payload.len();
    let frame = packet(
        hardware,
        *from.ip(),
        *to.ip(),
        IpProtocol::Udp,
        length,
        |bytes| {
            udp.emit(
                &mut UdpPacket::new_unchecked(bytes),
                &(*from.ip()).into(),
                &(*to.ip()).into(),
                payload.len(),
                |room| room.copy_from_slice(payload),
                &ChecksumCapabilities::default(),
            );
        },
    );
    Some(frame)
}

/// The hardware address of a multicast group (RFC 1112, section 6.4).
fn multicast(group: Ipv4Addr) -> EthernetAddress {
    let [_, b, c, d] = group.octets();
    EthernetAddress([0x01, 0x00, 0x5e, b & 0x7f, c, d])
}

/// A frame from the gateway around an IPv4 packet whose payload `fill` writes.
fn packet(
    hardware: EthernetAddress,
    from: Ipv4Addr,
    to: Ipv4Addr,
    next_header: IpProtocol,
    length: usize,
    fill: impl FnOnce(&mut [u8]),
) -> Vec<u8> {
    let mut frame = vec![0; ETHERNET_HEADER + IPV4_HEADER + length];
    let mut ethernet = EthernetFrame::new_unchecked(&mut frame);
    EthernetRepr {
        src_addr: GATEWAY_HARDWARE,
        dst_addr: hardware,
        ethertype: EthernetProtocol::Ipv4,
    }
    .emit(&mut ethernet);
    let mut ip = Ipv4Packet::new_unchecked(ethernet.payload_mut());
    Ipv4Repr {
        src_addr: from,
        dst_addr: to,
        next_header,
        payload_len: length,
        hop_limit: if to.is_multicast() {
            MULTICAST_HOP_LIMIT
        } else {
            HOP_LIMIT
        },
    }
    .emit(&mut ip, &ChecksumCapabilities::default());
    fill(ip.payload_mut());
    frame
}
