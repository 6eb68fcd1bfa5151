//! Frames no stack would send.

use proptest::prelude::*;
use updraft_virtual_chip::ethernet::EthernetPort as _;

use crate::guest::Guest;
use crate::host::{exchange, network, serve};

/// The begin of a frame to the gateway, so that chance reaches further than its address.
const TO_GATEWAY: [u8; 14] = [
    0x52, 0x55, 0x0a, 0x00, 0x02, 0x02, 0x02, 0x00, 0x00, 0x12, 0x34, 0x57, 0x08, 0x00,
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_frame_stops_the_network(
        frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..1600), 0..30),
        headers in prop::collection::vec((any::<bool>(), any::<bool>(), any::<u16>()), 30),
    ) {
        let network = network();
        let mut port = network.port();
        for (mut frame, (to_gateway, ip, total)) in frames.into_iter().zip(headers) {
            if to_gateway && frame.len() >= 34 {
                frame[..14].copy_from_slice(&TO_GATEWAY);
            }
            if to_gateway && ip && frame.len() >= 34 {
                frame[14] = 0x45;
                frame[16..18].copy_from_slice(&total.to_be_bytes());
                frame[20..22].fill(0);
                frame[23] = if total % 2 == 0 { 6 } else { 17 };
                frame[24..26].fill(0);
                frame[26..34].copy_from_slice(&[10, 0, 2, 15, 10, 0, 2, 2]);
                let sum = checksum(&frame[14..34]);
                frame[24..26].copy_from_slice(&sum.to_be_bytes());
            }
            port.send(&frame);
        }
        while port.receive().is_some() {}

        let mut guest = Guest::new(&network);
        let (port, host) = serve(|stream| exchange(&stream, b"well"));
        let handle = guest.connect(port);
        prop_assert_eq!(guest.exchange(handle, b"still", true).0, b"well");
        prop_assert_eq!(host.join().expect("no panic"), b"still");
    }
}

/// RFC 1071's sum of an IPv4 header.
fn checksum(bytes: &[u8]) -> u16 {
    let words = bytes
        .chunks(2)
        .map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1]));
    let sum = words.sum::<u32>();
    let folded = (sum & 0xffff) + (sum >> 16);
    !((folded & 0xffff) + (folded >> 16)) as u16
}
