//! Counts and verdicts, both sides.

use std::net::SocketAddr;

use proptest::prelude::*;
use updraft_protocol::espota::transfer::{
    COMPLAINT, Heard, Line, Listener, MAX_COMPLAINT, Transfer, TransferError,
};
use updraft_protocol::espota::{Command, REPEATS, Start};

/// `hello world` and its MD5.
const HELLO: &[u8] = b"hello world";
const HELLO_MD5: [u8; 16] = [
    0x5e, 0xb6, 0x3b, 0xbb, 0xe0, 0x1e, 0xee, 0xd0, 0x93, 0xcb, 0x22, 0xbb, 0x8f, 0x5a, 0xcd, 0xc3,
];

fn transfer() -> Transfer {
    Transfer::new(&Start {
        host: SocketAddr::from(([127, 0, 0, 1], 1)),
        command: Command::Flash,
        size: 11,
        md5: HELLO_MD5,
    })
}

#[test]
fn counts_are_those_of_each_read() {
    let mut transfer = transfer();
    let (one, other) = HELLO.split_at(4);
    assert_eq!(transfer.received(one).unwrap().as_bytes(), b"4");
    assert_eq!(transfer.left(), 7);
    assert_eq!(transfer.received(other).unwrap().as_bytes(), b"7");
    assert_eq!(transfer.finish(), Ok(()));
}

#[test]
fn too_much_too_little_and_other_bytes_are_told_apart() {
    let mut long = transfer();
    assert_eq!(
        long.received(b"hello world!").err(),
        Some(TransferError::TooMuch)
    );
    let mut short = transfer();
    short.received(&HELLO[..10]).unwrap();
    assert_eq!(short.finish(), Err(TransferError::TooLittle));
    let mut other = transfer();
    other.received(b"hello World").unwrap();
    assert_eq!(other.finish(), Err(TransferError::Md5Mismatch));
}

#[test]
fn silence_repeats_the_count_and_then_ends() {
    let mut transfer = transfer();
    assert_eq!(transfer.silent().err(), Some(TransferError::TooLittle));
    transfer.received(b"hello").unwrap();
    for _ in 0..REPEATS {
        assert_eq!(transfer.silent().unwrap().as_bytes(), b"5");
    }
    assert_eq!(transfer.silent().err(), Some(TransferError::TooLittle));
}

#[test]
fn verdict_is_found_wherever_it_stands() {
    for (reads, heard) in [
        (vec![&b"1024"[..]], Heard::Count(1024)),
        (vec![b"1024", b"1024"], Heard::Count(1024)),
        (vec![b"10241024"], Heard::Count(10_241_024)),
        (vec![b"99999999999999999999999"], Heard::Count(u64::MAX)),
        (vec![b"OK"], Heard::Done),
        (vec![b"1024OK"], Heard::Done),
        (vec![b"512", b"\r\nO", b"K\r\n"], Heard::Done),
        (vec![b"O"], Heard::Count(0)),
        (vec![b"ERROR: OK"], Heard::Complaint),
        (vec![b"1024ERROR"], Heard::Complaint),
        (vec![b"MD5 Check Failed\r\n"], Heard::Complaint),
        (vec![b"\xff"], Heard::Complaint),
    ] {
        let mut listener = Listener::new();
        let mut last = Heard::Count(0);
        for read in &reads {
            last = listener.hear(read);
        }
        assert_eq!(last, heard, "{reads:?}");
    }
}

#[test]
fn complaint_is_kept_whole_and_harmless() {
    let mut listener = Listener::new();
    for read in [&b"1024O"[..], b"ut of mem", b"ory\x1b[31m\r\n"] {
        let _ = listener.hear(read);
    }
    assert_eq!(listener.complaint(), "Out of memory?[31m");
    let _ = listener.hear(&[b'x'; 1000]);
    assert_eq!(listener.complaint().len(), MAX_COMPLAINT);
}

proptest! {
    #[test]
    fn complaints_are_never_taken_for_a_yes(why in any::<String>()) {
        let line = Line::complaint(&why);
        let text = std::str::from_utf8(line.as_bytes()).unwrap();
        prop_assert!(!text.contains("OK"));
        prop_assert!(text.starts_with(COMPLAINT) && text.ends_with("\r\n"));
        let mut listener = Listener::new();
        prop_assert_eq!(listener.hear(line.as_bytes()), Heard::Complaint);
        prop_assert_eq!(listener.complaint(), text.trim());
    }

    #[test]
    fn what_the_device_says_the_host_hears(bytes in 0..=u32::MAX) {
        let mut listener = Listener::new();
        prop_assert_eq!(
            listener.hear(Line::count(bytes).as_bytes()),
            Heard::Count(bytes.into())
        );
        prop_assert_eq!(listener.hear(Line::ok().as_bytes()), Heard::Done);
    }

    #[test]
    fn listening_never_fails(reads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..50), 0..20)) {
        let mut listener = Listener::new();
        for read in reads {
            let _ = listener.hear(&read);
        }
        prop_assert!(listener.complaint().len() <= MAX_COMPLAINT);
    }
}
