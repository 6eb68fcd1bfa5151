//! The device's decisions, without any socket.

use std::net::SocketAddr;

use proptest::prelude::*;
use updraft_protocol::espota::device::MAX_CHALLENGES;
use updraft_protocol::espota::{
    ANSWER_TIMEOUT_MS, Answer, Challenge, Command, Credential, Device, FrameError, Invitation,
    PasswordHash, Response, Start, Why,
};

const LIFE: u64 = ANSWER_TIMEOUT_MS as u64;

fn md5() -> Credential {
    Credential::md5(PasswordHash::md5(b"admin")).unwrap()
}

fn peer(last: u8, port: u16) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, last], port))
}

fn invitation() -> Invitation {
    Invitation {
        command: Command::Flash,
        port: 40_000,
        size: 1000,
        md5: [7; 16],
    }
}

fn invite(device: &mut Device, from: SocketAddr, now: u64, random: u8) -> Challenge {
    let line = invitation().to_string();
    match device.receive(line.as_bytes(), from, now, &[random; 32]) {
        Answer::Reply(reply) => {
            assert_eq!(reply.to, from);
            Challenge::parse(reply.as_bytes()).unwrap()
        }
        other => panic!("no challenge but {other:?}"),
    }
}

fn response(credential: &Credential, challenge: &Challenge) -> String {
    let cnonce = credential.nonce(&[9; 32]);
    Response {
        cnonce,
        response: credential.prove(challenge.nonce, cnonce).finish(),
    }
    .to_string()
}

/// Sends a response and lets it be checked.
fn respond(device: &mut Device, line: &str, from: SocketAddr, now: u64) -> Answer {
    match device.receive(line.as_bytes(), from, now, &[0; 32]) {
        Answer::Check => loop {
            assert!(device.is_checking());
            if let Some(answer) = device.step(100) {
                return answer;
            }
        },
        other => other,
    }
}

fn is_refusal(answer: &Answer) -> bool {
    matches!(answer, Answer::Reply(reply) if reply.as_bytes() == b"Authentication Failed")
}

#[test]
fn open_device_starts_at_once() {
    let mut device = Device::new(None);
    let line = invitation().to_string();
    let Answer::Start(reply, start) = device.receive(line.as_bytes(), peer(1, 5), 0, &[0; 32])
    else {
        panic!("not started");
    };
    assert_eq!((reply.to, reply.as_bytes()), (peer(1, 5), &b"OK"[..]));
    assert_eq!(
        start,
        Start {
            host: peer(1, 40_000),
            command: Command::Flash,
            size: 1000,
            md5: [7; 16],
        }
    );
    let busy = device.receive(line.as_bytes(), peer(2, 5), 0, &[0; 32]);
    assert_eq!(busy, Answer::Nothing(Why::Busy));
    device.ended();
    let again = device.receive(line.as_bytes(), peer(2, 5), 0, &[0; 32]);
    assert!(matches!(again, Answer::Start(..)));
}

#[test]
fn both_schemes_let_the_password_in_and_nothing_else() {
    let wrong = PasswordHash::sha256(b"wrong");
    for (right, wrong) in [
        (md5(), Credential::md5(PasswordHash::md5(b"wrong")).unwrap()),
        (
            Credential::sha256(PasswordHash::sha256(b"admin")),
            Credential::sha256(wrong),
        ),
        (
            Credential::sha256(PasswordHash::md5(b"admin")),
            Credential::sha256(wrong),
        ),
    ] {
        let mut device = Device::new(Some(right));
        let challenge = invite(&mut device, peer(1, 5), 0, 1);
        let refused = respond(&mut device, &response(&wrong, &challenge), peer(1, 5), 0);
        assert!(is_refusal(&refused), "{refused:?}");
        let line = response(&right, &challenge);
        let late = respond(&mut device, &line, peer(1, 5), 0);
        assert_eq!(
            late,
            Answer::Nothing(Why::NoChallenge),
            "a challenge is answered once"
        );
        let challenge = invite(&mut device, peer(1, 5), 0, 2);
        let replayed = respond(&mut device, &line, peer(1, 5), 0);
        assert!(is_refusal(&replayed), "{replayed:?}");
        let challenge_3 = invite(&mut device, peer(1, 5), 0, 3);
        assert_ne!(challenge, challenge_3);
        let started = respond(&mut device, &response(&right, &challenge_3), peer(1, 5), 0);
        assert!(matches!(started, Answer::Start(..)), "{started:?}");
    }
}

#[test]
fn response_of_the_other_scheme_is_refused() {
    let sha256 = Credential::sha256(PasswordHash::md5(b"admin"));
    for (device, other) in [(md5(), sha256), (sha256, md5())] {
        let mut device = Device::new(Some(device));
        let challenge = invite(&mut device, peer(1, 5), 0, 1);
        let answer = respond(&mut device, &response(&other, &challenge), peer(1, 5), 0);
        assert!(is_refusal(&answer), "{answer:?}");
    }
}

#[test]
fn challenge_belongs_to_whom_it_was_sent_and_runs_out() {
    let mut device = Device::new(Some(md5()));
    let challenge = invite(&mut device, peer(1, 5), 0, 1);
    let line = response(&md5(), &challenge);
    for other in [peer(2, 5), peer(1, 6)] {
        assert_eq!(
            respond(&mut device, &line, other, 0),
            Answer::Nothing(Why::NoChallenge)
        );
    }
    assert_eq!(
        respond(&mut device, &line, peer(1, 5), LIFE + 1),
        Answer::Nothing(Why::NoChallenge)
    );
    let challenge = invite(&mut device, peer(1, 5), LIFE + 1, 2);
    let line = response(&md5(), &challenge);
    let started = respond(&mut device, &line, peer(1, 5), 2 * LIFE + 1);
    assert!(matches!(started, Answer::Start(..)), "{started:?}");
}

#[test]
fn invitation_sent_twice_gets_the_same_challenge_for_as_long_as_it_lives() {
    let mut device = Device::new(Some(md5()));
    let first = invite(&mut device, peer(1, 5), 0, 1);
    assert_eq!(invite(&mut device, peer(1, 5), LIFE, 2), first);
    assert_ne!(invite(&mut device, peer(1, 5), LIFE + 1, 3), first);
}

#[test]
fn one_address_takes_one_place_and_the_oldest_gives_way() {
    let mut device = Device::new(Some(md5()));
    let mine = invite(&mut device, peer(1, 5), 0, 1);
    // One address, however many ports, never costs another its challenge.
    for port in 1..200 {
        let _ = invite(&mut device, peer(9, port), 1, 2);
    }
    for other in 2..MAX_CHALLENGES as u8 {
        let _ = invite(&mut device, peer(other, 5), u64::from(other), 3);
    }
    let started = respond(&mut device, &response(&md5(), &mine), peer(1, 5), 9);
    assert!(matches!(started, Answer::Start(..)), "{started:?}");

    device.ended();
    let mine = invite(&mut device, peer(1, 5), 0, 4);
    for other in 0..MAX_CHALLENGES as u8 {
        let _ = invite(&mut device, peer(10 + other, 5), 1, 5);
    }
    assert_eq!(
        respond(&mut device, &response(&md5(), &mine), peer(1, 5), 2),
        Answer::Nothing(Why::NoChallenge)
    );
}

#[test]
fn while_it_checks_it_hears_nothing() {
    let credential = Credential::sha256(PasswordHash::sha256(b"admin"));
    let mut device = Device::new(Some(credential));
    assert_eq!(device.step(1), None);
    let challenge = invite(&mut device, peer(1, 5), 0, 1);
    let line = response(&credential, &challenge);
    let answer = device.receive(line.as_bytes(), peer(1, 5), 0, &[0; 32]);
    assert_eq!(answer, Answer::Check);
    assert_eq!(device.step(5_000), None);
    let busy = device.receive(invitation().to_string().as_bytes(), peer(2, 5), 0, &[0; 32]);
    assert_eq!(busy, Answer::Nothing(Why::Busy));
    assert!(matches!(device.step(5_000), Some(Answer::Start(..))));
    assert_eq!(device.step(1), None);
}

#[test]
fn garbage_is_answered_with_nothing() {
    let mut device = Device::new(Some(md5()));
    let answer = device.receive(b"GET / HTTP/1.1\r\n", peer(1, 5), 0, &[0; 32]);
    assert_eq!(answer, Answer::Nothing(Why::Frame(FrameError::Command)));
}

proptest! {
    /// Whoever does not know the password never starts anything, whatever they send and however often.
    #[test]
    fn nothing_starts_without_the_password(
        lines in prop::collection::vec(
            (
                prop_oneof![
                    prop::collection::vec(any::<u8>(), 0..200),
                    Just(invitation().to_string().into_bytes()),
                    "200 [0-9a-f]{32} [0-9a-f]{32}\n".prop_map(String::into_bytes),
                    "200 [0-9a-f]{64} [0-9a-f]{64}\n".prop_map(String::into_bytes),
                ],
                0_u8..3,
                any::<u64>(),
                any::<[u8; 32]>(),
            ),
            0..60,
        ),
    ) {
        let mut device = Device::new(Some(md5()));
        for (line, from, now, random) in lines {
            let answer = device.receive(&line, peer(from, 5), now, &random);
            prop_assert!(!matches!(answer, Answer::Start(..)));
            let answer = device.step(10_000);
            prop_assert!(!matches!(answer, Some(Answer::Start(..))));
            prop_assert!(!device.is_checking());
        }
    }
}
