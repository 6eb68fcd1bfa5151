//! What is answered, to whom, and for how long.

use std::net::{Ipv4Addr, SocketAddr};

use simple_dns::rdata::RData;
use simple_dns::{CLASS, Name, Packet, PacketFlag, QCLASS, QTYPE, Question, ResourceRecord, TYPE};
use updraft_agent::mdns::{GROUP, MAX_PACKET, Reply, Responder};

use super::{device, lines, neighbour, parse};

const OTA: &str = "_ota._tcp.local";
const HOST: &str = "beacon-1a2b3c.local";

fn question(name: &str, kind: QTYPE, unicast: bool) -> Question<'_> {
    Question::new(Name::new(name).unwrap(), kind, CLASS::IN.into(), unicast)
}

fn query(questions: Vec<Question<'_>>, known: Vec<ResourceRecord<'_>>) -> Vec<u8> {
    let mut packet = Packet::new_query(0);
    packet.questions = questions;
    packet.answers = known;
    packet.build_bytes_vec_compressed().unwrap()
}

fn asks(name: &str, kind: TYPE) -> Vec<u8> {
    query(vec![question(name, kind.into(), false)], Vec::new())
}

fn answer(query: &[u8], from: SocketAddr) -> Option<(Reply, Vec<u8>)> {
    let mut packet = [0; MAX_PACKET];
    let reply = Responder::new(device()).answer(query, from, &mut packet)?;
    Some((reply, packet[..reply.len].to_vec()))
}

#[test]
fn who_looks_for_a_service_is_told_all_of_it() {
    let (reply, packet) = answer(&asks(OTA, TYPE::PTR), neighbour()).unwrap();
    assert_eq!((reply.to, reply.shared), (GROUP, true));
    let packet = parse(&packet);
    assert_eq!(packet.id(), 0);
    assert!(packet.has_flags(PacketFlag::RESPONSE | PacketFlag::AUTHORITATIVE_ANSWER));
    assert!(packet.questions.is_empty());
    assert_eq!(lines(&packet.answers), ["_ota._tcp.local PTR 4500"]);
    assert_eq!(
        lines(&packet.additional_records),
        [
            "Beacon in the hall._ota._tcp.local SRV 120 flush",
            "Beacon in the hall._ota._tcp.local TXT 4500 flush",
            "beacon-1a2b3c.local A 120 flush",
            "beacon-1a2b3c.local NSEC 120 flush",
        ]
    );
    let RData::SRV(place) = &packet.additional_records[0].rdata else {
        panic!("{packet:?}")
    };
    assert_eq!(
        (place.port, place.target.to_string()),
        (3232, HOST.to_owned())
    );
    let RData::A(address) = &packet.additional_records[2].rdata else {
        panic!("{packet:?}")
    };
    assert_eq!(Ipv4Addr::from(address.address), device().ipv4);
}

#[test]
fn the_kinds_of_services_are_listed() {
    let list = asks("_services._dns-sd._udp.local", TYPE::PTR);
    let (_, packet) = answer(&list, neighbour()).unwrap();
    let packet = parse(&packet);
    let kinds: Vec<String> = (packet.answers.iter())
        .map(|record| match &record.rdata {
            RData::PTR(to) => to.to_string(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(kinds, ["_http._tcp.local", OTA, "_arduino._tcp.local"]);
}

#[test]
fn the_host_has_an_address_and_no_other() {
    let asked = "BEACON-1A2B3C.LOCAL";
    let (reply, packet) = answer(&asks(asked, TYPE::A), neighbour()).unwrap();
    assert!(!reply.shared);
    assert_eq!(
        lines(&parse(&packet).answers),
        [format!("{HOST} A 120 flush")]
    );

    let (_, packet) = answer(&asks(HOST, TYPE::AAAA), neighbour()).unwrap();
    let packet = parse(&packet);
    assert_eq!(lines(&packet.answers), [format!("{HOST} NSEC 120 flush")]);
    let RData::NSEC(only) = &packet.answers[0].rdata else {
        panic!("{packet:?}")
    };
    assert_eq!(only.next_name.to_string(), HOST);
    assert_eq!(only.type_bit_maps.len(), 1);
    assert_eq!(only.type_bit_maps[0].bitmap[..], [0x40]);

    let all = query(vec![question(HOST, QTYPE::ANY, false)], Vec::new());
    let (_, packet) = answer(&all, neighbour()).unwrap();
    assert_eq!(
        lines(&parse(&packet).answers),
        [format!("{HOST} A 120 flush")]
    );
}

#[test]
fn what_is_not_ours_is_not_answered() {
    for (name, kind) in [
        ("other.local", TYPE::A),
        ("local", TYPE::PTR),
        ("_ipp._tcp.local", TYPE::PTR),
        ("x.beacon-1a2b3c.local", TYPE::A),
        (OTA, TYPE::SRV),
    ] {
        assert_eq!(answer(&asks(name, kind), neighbour()), None, "{name}");
    }
    let mut chaos = question(HOST, TYPE::A.into(), false);
    chaos.qclass = QCLASS::CLASS(CLASS::CH);
    assert_eq!(answer(&query(vec![chaos], Vec::new()), neighbour()), None);
}

#[test]
fn what_is_known_is_not_said_again() {
    let ask = || question(OTA, TYPE::PTR.into(), false);
    let (_, whole) = answer(&asks(OTA, TYPE::PTR), neighbour()).unwrap();
    let whole = parse(&whole);
    let known = |ttl| {
        let mut record = whole.answers[0].clone();
        record.ttl = ttl;
        record
    };
    assert_eq!(
        answer(&query(vec![ask()], vec![known(2250)]), neighbour()),
        None
    );
    // Less than half its time is left: it is said again.
    let (_, packet) = answer(&query(vec![ask()], vec![known(2249)]), neighbour()).unwrap();
    assert_eq!(parse(&packet).answers.len(), 1);

    // Every record but the negative ones is recognised.
    let ask_all = || {
        let mut all = vec![ask()];
        for name in [HOST, "Beacon in the hall._ota._tcp.local"] {
            let name = Name::new_unchecked(name);
            all.push(Question::new(name, QTYPE::ANY, CLASS::IN.into(), false));
        }
        all
    };
    let mut records = whole.answers.clone();
    records.extend_from_slice(&whole.additional_records[..3]);
    assert_eq!(
        answer(&query(ask_all(), records.clone()), neighbour()),
        None
    );
    // Another port, another text, another address: all no longer so.
    for number in 1..4 {
        let mut stale = records.clone();
        let place = &mut stale[number];
        let line = lines(std::slice::from_ref(place));
        match &mut place.rdata {
            RData::SRV(place) => place.port += 1,
            RData::TXT(text) => text.add_string("more=1").unwrap(),
            RData::A(address) => address.address ^= 1,
            other => panic!("{other:?}"),
        }
        let (_, packet) = answer(&query(ask_all(), stale), neighbour()).unwrap();
        assert_eq!(lines(&parse(&packet).answers), line);
    }
}

#[test]
fn who_wants_it_alone_gets_it_alone() {
    let alone = query(vec![question(HOST, TYPE::A.into(), true)], Vec::new());
    assert_eq!(answer(&alone, neighbour()).unwrap().0.to, neighbour());
    let both = vec![
        question(HOST, TYPE::A.into(), true),
        question(OTA, TYPE::PTR.into(), false),
    ];
    assert_eq!(
        answer(&query(both, Vec::new()), neighbour()).unwrap().0.to,
        GROUP
    );
}

#[test]
fn a_plain_resolver_gets_a_plain_answer() {
    let resolver = SocketAddr::new(neighbour().ip(), 40_000);
    let mut ask = asks(OTA, TYPE::PTR);
    ask[..2].copy_from_slice(&[0xAB, 0xCD]);
    let (reply, packet) = answer(&ask, resolver).unwrap();
    assert_eq!((reply.to, reply.shared), (resolver, false));
    let packet = parse(&packet);
    assert_eq!(packet.id(), 0xABCD);
    assert_eq!(packet.questions.len(), 1);
    assert_eq!(packet.questions[0].qname.to_string(), OTA);
    let all = [lines(&packet.answers), lines(&packet.additional_records)].concat();
    assert_eq!(all.len(), 5);
    for line in all {
        assert!(line.ends_with(" 10"), "{line}");
    }
}

#[test]
fn strangers_and_answers_get_nothing() {
    let ask = asks(HOST, TYPE::A);
    for stranger in ["192.168.8.9:5353", "8.8.8.8:40000", "[fe80::1]:5353"] {
        assert_eq!(answer(&ask, stranger.parse().unwrap()), None, "{stranger}");
    }
    let mut packet = [0; MAX_PACKET];
    let length = Responder::new(device()).announce(&mut packet);
    assert_eq!(answer(&packet[..length], neighbour()), None);

    let mut nowhere = device();
    nowhere.ipv4 = Ipv4Addr::UNSPECIFIED;
    nowhere.prefix = 0;
    let nowhere = Responder::new(nowhere);
    assert_eq!(nowhere.answer(&ask, neighbour(), &mut packet), None);
    assert_eq!(nowhere.announce(&mut packet), 0);
    assert_eq!(nowhere.goodbye(&mut packet), 0);
}

#[test]
fn a_goodbye_ends_what_is_the_devices_own() {
    let mut packet = [0; MAX_PACKET];
    let length = Responder::new(device()).goodbye(&mut packet);
    let packet = parse(&packet[..length]);
    let lines = lines(&packet.answers);
    assert_eq!(lines.len(), 10);
    for line in lines {
        assert!(line.contains(" 0"), "{line}");
        assert!(
            !line.contains("_dns-sd"),
            "others may still offer these: {line}"
        );
    }
}
