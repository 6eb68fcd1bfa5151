//! What crosses the wire, and what does not get through.

use proptest::prelude::*;
use updraft_protocol::espota::frame::FromHost;
use updraft_protocol::espota::{
    Challenge, Command, FrameError, Hex, Invitation, MAX_DATAGRAM, Response,
};

const MD5: &str = "0123456789abcdef0123456789abcdef";

#[test]
fn invitation_reads_as_the_tool_writes_it() {
    let line = format!("0 51234 1168784 {MD5}\n");
    let Ok(FromHost::Invitation(invitation)) = FromHost::parse(line.as_bytes()) else {
        panic!("refused {line:?}");
    };
    assert_eq!(
        (invitation.command, invitation.port, invitation.size),
        (Command::Flash, 51_234, 1_168_784)
    );
    assert_eq!(
        invitation.md5,
        *b"\x01\x23\x45\x67\x89\xab\xcd\xef\x01\x23\x45\x67\x89\xab\xcd\xef"
    );
    assert_eq!(invitation.to_string(), line);
}

#[test]
fn each_fault_has_its_name() {
    let long = format!("0 1 1 {MD5}{}", " ".repeat(MAX_DATAGRAM));
    for (line, error) in [
        (String::new(), FrameError::Command),
        ("hello".into(), FrameError::Command),
        (format!("1 1 1 {MD5}\n"), FrameError::Command),
        (format!("104 1 1 {MD5}\n"), FrameError::Command),
        (format!("-0 1 1 {MD5}\n"), FrameError::Command),
        (format!("4294967296 1 1 {MD5}\n"), FrameError::Command),
        (format!("0 0 1 {MD5}\n"), FrameError::Port),
        (format!("0 65536 1 {MD5}\n"), FrameError::Port),
        (format!("0 +1 1 {MD5}\n"), FrameError::Port),
        (format!("0 1 0 {MD5}\n"), FrameError::Size),
        (format!("0 1 4294967296 {MD5}\n"), FrameError::Size),
        (format!("0 1 1 {}\n", &MD5[1..]), FrameError::Md5),
        (format!("0 1 1 {MD5}{MD5}\n"), FrameError::Md5),
        (format!("0 1 1 g{}\n", &MD5[1..]), FrameError::Md5),
        ("0 1 1\n".into(), FrameError::Fields),
        (format!("0 1 1 {MD5} more\n"), FrameError::Fields),
        (format!("200 {MD5}\n"), FrameError::Fields),
        (format!("200 {MD5} {MD5}{MD5}\n"), FrameError::Digits),
        (format!("200 {MD5} short\n"), FrameError::Digits),
        (format!("0 1 1 {MD5} \u{e4}\n"), FrameError::NotText),
        (long, FrameError::TooLong),
    ] {
        assert_eq!(FromHost::parse(line.as_bytes()), Err(error), "{line:?}");
        assert!(!error.code().is_empty() && !error.to_string().is_empty());
    }
}

#[test]
fn challenge_is_told_by_its_length() {
    assert_eq!(
        Challenge::parse(format!("AUTH {MD5}").as_bytes()).map(|challenge| challenge.nonce.len()),
        Ok(32)
    );
    assert_eq!(
        Challenge::parse(format!("AUTH {MD5}{MD5}").as_bytes())
            .map(|challenge| challenge.nonce.len()),
        Ok(64)
    );
    assert_eq!(Challenge::parse(b"AUTH abc"), Err(FrameError::Digits));
    assert_eq!(Challenge::parse(b"OK"), Err(FrameError::Fields));
}

fn hex() -> impl Strategy<Value = Hex> {
    prop_oneof![
        any::<[u8; 16]>().prop_map(|bytes| Hex::of_16(&bytes)),
        any::<[u8; 32]>().prop_map(|bytes| Hex::of_32(&bytes)),
    ]
}

proptest! {
    #[test]
    fn invitations_survive_the_wire(
        command in prop::sample::select(&Command::ALL[..]),
        port in 1..=u16::MAX,
        size in 1..=u32::MAX,
        md5: [u8; 16],
    ) {
        let invitation = Invitation { command, port, size, md5 };
        let read = FromHost::parse(invitation.to_string().as_bytes());
        prop_assert_eq!(read, Ok(FromHost::Invitation(invitation)));
    }

    #[test]
    fn responses_survive_the_wire(one: [u8; 32], other: [u8; 32]) {
        let response = Response { cnonce: Hex::of_32(&one), response: Hex::of_32(&other) };
        let read = FromHost::parse(response.to_string().as_bytes());
        prop_assert_eq!(read, Ok(FromHost::Response(response)));
    }

    #[test]
    fn challenges_survive_the_wire(nonce in hex()) {
        let challenge = Challenge { nonce };
        prop_assert_eq!(Challenge::parse(challenge.to_string().as_bytes()), Ok(challenge));
    }

    /// What reads at all is worth what is written back: no two lines mean something else to us than to themselves.
    #[test]
    fn anything_is_read_or_refused(line in prop_oneof![
        prop::collection::vec(any::<u8>(), 0..300),
        "[0-9]{1,3} [0-9]{1,6} [0-9]{1,10} [0-9a-fA-F]{30,34}[ \r\n]{0,2}".prop_map(String::into_bytes),
        "200 [0-9a-f]{32} [0-9a-f]{32}\n".prop_map(String::into_bytes),
    ]) {
        match FromHost::parse(&line) {
            Ok(FromHost::Invitation(read)) => {
                let again = FromHost::parse(read.to_string().as_bytes());
                prop_assert_eq!(again, Ok(FromHost::Invitation(read)));
            }
            Ok(FromHost::Response(read)) => {
                let again = FromHost::parse(read.to_string().as_bytes());
                prop_assert_eq!(again, Ok(FromHost::Response(read)));
            }
            Err(_) => {}
        }
        let _ = Challenge::parse(&line);
    }

    #[test]
    fn digits_come_back_as_bytes(bytes: [u8; 16]) {
        prop_assert_eq!(Hex::of_16(&bytes).to_16(), Some(bytes));
    }
}
