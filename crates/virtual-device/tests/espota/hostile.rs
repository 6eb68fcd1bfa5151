//! Garbage on the UDP port.

use std::net::UdpSocket;
use std::time::Duration;

use updraft_protocol::espota::PasswordHash;

use crate::bench::{Bench, device};
use crate::client::{image, send};

#[test]
fn garbage_is_not_answered_and_ends_nothing() {
    let mut device = device("1.0.0");
    device.espota_password = Some(PasswordHash::sha256(b"right"));
    let bench = Bench::start(device);
    let socket = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
    let sound = format!("0 40000 400000 {}\n", "5".repeat(32));
    let mut sent = 0;
    for length in (0..=600).chain([1472, 9000, 65_000]) {
        let bytes: Vec<u8> = (0..length).map(|_| rand::random()).collect();
        socket.send_to(&bytes, bench.ota()).unwrap();
        sent += 1;
    }
    for at in 0..sound.len() {
        let mut bent = sound.clone().into_bytes();
        // No digit and no blank, so that none is an invitation.
        bent[at] = b'#';
        for bytes in [&bent[..], &sound.as_bytes()[..at.min(40)]] {
            socket.send_to(bytes, bench.ota()).unwrap();
            sent += 1;
        }
    }
    for line in [
        "200\n".to_owned(),
        format!("200 {0} {0}\n", "a".repeat(64)),
        format!("200 {} {}\n", "a".repeat(64), "b".repeat(32)),
        format!("100 0 1 {}\n", "5".repeat(32)),
        format!("0 70000 1 {}\n", "5".repeat(32)),
        format!("0 40000 0 {}\n", "5".repeat(32)),
        format!("{sound}{sound}"),
    ] {
        socket.send_to(line.as_bytes(), bench.ota()).unwrap();
        sent += 1;
    }
    // One that is sound: its answer is the first, so nothing before it was answered.
    socket
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    let mut answer = [0; 200];
    let length = loop {
        socket.send_to(sound.as_bytes(), bench.ota()).unwrap();
        if let Ok(length) = socket.recv(&mut answer) {
            break length;
        }
    };
    assert_eq!(length, 69);
    assert!(answer.starts_with(b"AUTH "), "{answer:?}");
    println!("{sent} datagrams of garbage, none answered");
    let options = ["--password", "right"];
    let Some(account) = send(bench.ota(), &image("c3-1.1.0"), &options) else {
        return;
    };
    assert_eq!(account["outcome"], "done", "{account}");
    bench.wait_for("1.1.0 is confirmed");
    bench.stop_unharmed();
}
