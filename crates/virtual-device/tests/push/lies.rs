//! Clients that stall, leave, or send another number of bytes than they said.

use std::io::{Read as _, Write as _};
use std::net::Shutdown;

use crate::device::{Bench, Device};
use crate::http::{Answer, connect, exchange, push, read_all};
use crate::images::release;

/// A device on which `case` changes nothing but, at most, the slot, otadata and NVS; and which then takes what is good.
#[track_caller]
fn harmless(case: impl FnOnce(&Device)) {
    let mut bench = Bench::new();
    let before = bench.hash_outside();
    let device = bench.power_on();
    case(&device);
    assert_eq!(device.status()["running"]["version"], "1.0.0");
    bench = device.power_off();
    assert_eq!(before, bench.hash_outside());
    let device = bench.power_on();
    device.wait_for("running 1.0.0 from factory");
    let answer = device.ask(&push("", release("1.1.0").bytes));
    assert_eq!(answer.status, 200, "{answer:?}");
    device.wait_for("1.1.0 is confirmed");
}

/// `POST /update` that announces `length` bytes.
fn head(length: usize) -> Vec<u8> {
    format!("POST /update HTTP/1.1\r\nHost: device\r\nContent-Length: {length}\r\n\r\n")
        .into_bytes()
}

#[test]
fn a_client_that_leaves_in_the_middle() {
    let bytes = release("1.1.0").bytes;
    harmless(|device| {
        let mut stream = connect(device.ota);
        stream.write_all(&head(bytes.len())).expect("sent");
        stream.write_all(&bytes[..bytes.len() / 2]).expect("sent");
        stream.shutdown(Shutdown::Write).expect("shut");
        let answer = Answer::parse(&read_all(&mut stream)).expect("an answer");
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (408, "connection_lost")
        );
        let status = device.status();
        assert_eq!(
            status["last_result"]["reason"], "connection_lost",
            "{status}"
        );
        assert_eq!(status["last_result"]["subject"], "ota_0", "{status}");
    });
}

#[test]
fn a_client_that_stalls() {
    let bytes = release("1.1.0").bytes;
    harmless(|device| {
        let mut stream = connect(device.ota);
        stream.write_all(&head(bytes.len())).expect("sent");
        stream.write_all(&bytes[..50_000]).expect("sent");
        let answer = Answer::parse(&read_all(&mut stream)).expect("an answer");
        assert_eq!(answer.status, 408);
        assert!(
            answer.text().contains("nothing came for 30 s"),
            "{answer:?}"
        );
    });
}

#[test]
fn a_length_that_is_too_short() {
    // What is announced ends within the image; the rest is never looked at.
    let bytes = release("1.1.0").bytes;
    harmless(|device| {
        let request = [head(bytes.len() / 2), bytes.to_vec()].concat();
        let answer = exchange(device.ota, &request);
        assert_eq!(answer.status, 422, "{answer:?}");
    });
}

#[test]
fn bytes_behind_the_announced_ones_are_ignored() {
    let device = Bench::new().power_on();
    let mut request = push("", release("1.1.0").bytes);
    request.extend_from_slice(&[0xA5; 3000]);
    let answer = device.ask(&request);
    assert_eq!(answer.text(), "OTA update successful, rebooting...");
    device.wait_for("1.1.0 is confirmed");
}

#[test]
fn slowloris() {
    let mut bench = Bench::new();
    let before = bench.hash();
    let device = bench.power_on();
    let mut streams: Vec<_> = (0..4).map(|_| connect(device.http)).collect();
    for stream in &mut streams {
        stream
            .write_all(b"GET /api/ota/status HTTP/1.1\r\nX: ")
            .expect("sent");
    }
    // All places are taken; the status comes all the same, once they were shown out.
    assert_eq!(device.status()["running"]["version"], "1.0.0");
    for stream in &mut streams {
        let answer = Answer::parse(&read_all(stream)).expect("an answer");
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (408, "head_timeout")
        );
    }
    assert_eq!(before, device.power_off().hash());
}

#[test]
fn a_body_is_invited_only_when_it_is_wanted() {
    let device = Bench::new().power_on();
    let bytes = release("1.1.0").bytes;
    let head = format!(
        "POST /update HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: {}\r\n\r\n",
        bytes.len()
    );
    let mut stream = connect(device.ota);
    stream.write_all(head.as_bytes()).expect("sent");
    let invitation = b"HTTP/1.1 100 Continue\r\n\r\n";
    let mut first = vec![0; invitation.len()];
    stream.read_exact(&mut first).expect("an invitation");
    assert_eq!(first, invitation);
    // Somebody else asks meanwhile, and is not invited.
    let other = device.ask(head.as_bytes());
    assert_eq!((other.status, other.code().as_str()), (409, "busy"));
    assert_eq!(device.status()["session"]["source"], "push");
    stream.write_all(bytes).expect("sent");
    let answer = Answer::parse(&read_all(&mut stream)).expect("an answer");
    assert_eq!(answer.text(), "OTA update successful, rebooting...");
}

#[test]
fn a_link_that_breaks() {
    let bytes = release("1.1.0").bytes;
    harmless(|device| {
        device.link.break_after(100_000);
        let mut stream = connect(device.ota);
        let _ = stream.write_all(&push("", bytes));
        read_all(&mut stream);
        device.wait_for("the connection broke");
    });
}
