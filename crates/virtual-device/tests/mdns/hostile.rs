//! Whatever comes in, what goes out is a packet of bounded size, or nothing.

use proptest::prelude::*;
use simple_dns::{CLASS, Name, Packet, QTYPE, Question, SimpleDnsError};
use updraft_agent::mdns::{Advertisement, MAX_PACKET, PORT, Responder};

use super::{device, neighbour, parse};

/// Pieces of packets that lead somewhere: names of ours, pointers, fields.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        Just(b"\x04_ota\x04_tcp\x05local\0".to_vec()),
        Just(b"\x0dbeacon-1a2b3c\x05local\0".to_vec()),
        Just(b"\x09_services\x07_dns-sd\x04_udp\x05local\0".to_vec()),
        Just(b"\x12Beacon in the hall".to_vec()),
        (0u8..4, any::<u8>()).prop_map(|(high, low)| vec![0xC0 | high, low]),
        prop_oneof![
            Just(1u16),
            Just(12),
            Just(16),
            Just(33),
            Just(47),
            Just(255)
        ]
        .prop_map(|kind| [kind.to_be_bytes(), [0x80, 1]].concat()),
        Just(vec![0, 1]),
        Just(vec![0, 0, 0x10, 0, 0, 4]),
        prop::collection::vec(any::<u8>(), 0..20),
    ]
}

/// A query's head with any counts, then pieces.
fn nearly_a_query() -> impl Strategy<Value = Vec<u8>> {
    let counts = prop::array::uniform4(prop_oneof![0u16..4, any::<u16>()]);
    let pieces = prop::collection::vec(piece(), 0..60);
    (counts, pieces).prop_map(|(counts, pieces)| {
        let mut packet = vec![0; 4];
        packet.extend(counts.into_iter().flat_map(u16::to_be_bytes));
        packet.extend(pieces.concat());
        packet
    })
}

/// Answers into a buffer of this size; what is answered can be read.
fn check(query: &[u8], port: u16, room: usize) -> Result<bool, TestCaseError> {
    let mut from = neighbour();
    from.set_port(port);
    let mut buffer = vec![0; room];
    let Some(reply) = Responder::new(device()).answer(query, from, &mut buffer) else {
        return Ok(false);
    };
    prop_assert!(reply.len <= room);
    // The parser knows no type without a name, and a plain resolver's question is repeated as it was.
    if let Err(SimpleDnsError::InvalidQType(_)) = Packet::parse(&buffer[..reply.len]) {
        prop_assert_ne!(port, PORT);
        return Ok(true);
    }
    prop_assert!(!parse(&buffer[..reply.len]).answers.is_empty());
    Ok(true)
}

fn port() -> impl Strategy<Value = u16> {
    prop_oneof![Just(5353), 1024u16..]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn junk(query in prop::collection::vec(any::<u8>(), 0..MAX_PACKET), port in port()) {
        check(&query, port, MAX_PACKET)?;
    }

    #[test]
    fn packets_made_of_good_pieces(query in nearly_a_query(), port in port(), room in 0..=MAX_PACKET) {
        check(&query, port, MAX_PACKET)?;
        check(&query, port, room)?;
    }

    /// A good question, hurt: cut off, or with a byte changed.
    #[test]
    fn hurt_questions(at in 0usize..33, byte: u8, cut in 0usize..34) {
        let mut query = b"\0\0\0\0\0\x01\0\0\0\0\0\0\x04_ota\x04_tcp\x05local\0\0\x0c\0\x01".to_vec();
        prop_assert!(check(&query, 5353, MAX_PACKET)?);
        query[at] = byte;
        check(&query, 5353, MAX_PACKET)?;
        query.truncate(cut);
        check(&query, 5353, MAX_PACKET)?;
    }

}

proptest! {
    /// Whatever a device is called, it can be announced whole, in one packet, and is found by what it announced.
    #[test]
    fn any_names(
        hostname in "\\PC{0,90}",
        instance in "\\PC{0,90}",
        [board, version, slot, project] in prop::array::uniform4("\\PC{0,90}"),
        auth: bool,
    ) {
        let device = Advertisement {
            hostname: &hostname,
            instance: &instance,
            board: &board,
            version: &version,
            slot: &slot,
            project: Some(&project),
            auth,
            ..device()
        };
        let mut buffer = [0; MAX_PACKET];
        let length = Responder::new(device).announce(&mut buffer);
        let packet = parse(&buffer[..length]);
        prop_assert_eq!(packet.answers.len(), 13);
        let length = Responder::new(device).goodbye(&mut buffer);
        prop_assert_eq!(parse(&buffer[..length]).answers.len(), 10);
    }
}

/// The longest texts, and a question for everything at once: it still fits one packet.
#[test]
fn the_longest_names() {
    let long = "w".repeat(200);
    let device = Advertisement {
        hostname: &long,
        instance: &long,
        board: &long,
        version: &long,
        slot: &long,
        project: Some(&long),
        ..device()
    };
    let mut buffer = [0; MAX_PACKET];
    let length = Responder::new(device).announce(&mut buffer);
    assert_eq!(parse(&buffer[..length]).answers.len(), 13);

    let mut query = Packet::new_query(0);
    for name in [
        "_services._dns-sd._udp",
        "_http._tcp",
        "_ota._tcp",
        "_arduino._tcp",
    ] {
        let name = Name::new_unchecked(&format!("{name}.local")).into_owned();
        let question = Question::new(name, QTYPE::ANY, CLASS::IN.into(), false);
        query.questions.push(question);
    }
    let query = query.build_bytes_vec().unwrap();
    for port in [PORT, 40_000] {
        let mut from = neighbour();
        from.set_port(port);
        let reply = Responder::new(device).answer(&query, from, &mut buffer);
        let length = reply.unwrap().len;
        let packet = parse(&buffer[..length]);
        println!("the longest answer to port {port} has {length} bytes");
        assert_eq!(packet.answers.len() + packet.additional_records.len(), 14);
    }
}

/// A pointer to itself, two in a circle, a long chain of them, and a label that never ends.
#[test]
fn names_that_go_in_circles() {
    let head = b"\0\0\0\0\0\x01\0\0\0\0\0\0";
    let fields = b"\0\x0c\0\x01";
    let mut chain = Vec::new();
    for at in (12u16..1000).step_by(2) {
        chain.extend((0xC000 | at.saturating_sub(2)).to_be_bytes());
    }
    for name in [
        &[0xC0, 12][..],
        &[0xC0, 14, 0xC0, 12],
        &[1, b'a', 0xC0, 12],
        &[63, 1],
        &chain,
    ] {
        let query = [head, name, fields].concat();
        assert!(!check(&query, 5353, MAX_PACKET).unwrap(), "{name:02x?}");
        assert!(!check(&query, 40_000, MAX_PACKET).unwrap(), "{name:02x?}");
    }
}
