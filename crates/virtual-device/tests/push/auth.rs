//! Who may push.

use crate::device::{Bench, Device};
use crate::http::push;
use crate::images::release;

/// Made anew for each run.
fn token() -> String {
    use std::hash::{BuildHasher as _, RandomState};
    format!("{:016x}", RandomState::new().hash_one(std::process::id()))
}

/// Every route that changes something answers so.
#[track_caller]
fn every_post(device: &Device, headers: &str, status: u16, code: &str) {
    for path in [
        "/update",
        "/api/ota/rollback",
        "/api/ota/confirm",
        "/api/ota/reboot",
    ] {
        let request =
            format!("POST {path} HTTP/1.1\r\nHost: device\r\nContent-Length: 0\r\n{headers}\r\n");
        let answer = device.ask(request.as_bytes());
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (status, code),
            "{path} {headers}"
        );
        assert_eq!(
            answer.head.contains("WWW-Authenticate: Bearer"),
            status == 401
        );
    }
}

#[test]
fn the_token_where_one_is_set() {
    let token = token();
    let mut bench = Bench::new();
    bench.push_token = Some(token.clone());
    // Its next boot keeps the token in NVS, where it stays.
    let device = bench.power_on();
    device.status();
    bench = device.power_off();
    bench.push_token = None;
    let before = bench.hash();
    let device = bench.power_on();
    assert_eq!(device.status()["push_auth"], "token");
    every_post(&device, "", 401, "push_token_missing");
    every_post(
        &device,
        "Authorization: Basic x\r\n",
        401,
        "push_token_missing",
    );
    let wrong = format!("Authorization: Bearer {token}0\r\n");
    every_post(&device, &wrong, 403, "push_token_wrong");
    let short = format!("Authorization: Bearer {}\r\n", &token[1..]);
    every_post(&device, &short, 403, "push_token_wrong");
    bench = device.power_off();
    assert_eq!(before, bench.hash());

    let device = bench.power_on();
    let right = format!("Authorization: bearer {token}\r\n");
    let answer = device.ask(&push(&right, release("1.1.0").bytes));
    assert_eq!(answer.status, 200, "{answer:?}");
    device.wait_for("running 1.1.0");
    assert!(
        !device
            .events()
            .iter()
            .any(|event| event.contains("push is open"))
    );
}

#[test]
fn nothing_where_a_token_is_needed_and_none_is_set() {
    let mut bench = Bench::new();
    bench.settings.push_needs_token = true;
    let before = bench.hash();
    let device = bench.power_on();
    assert_eq!(device.status()["push_auth"], "refused");
    every_post(&device, "", 403, "push_refused");
    every_post(&device, "Authorization: Bearer x\r\n", 403, "push_refused");
    assert_eq!(before, device.power_off().hash());
}

#[test]
fn no_page_of_another_site() {
    let mut bench = Bench::new();
    let before = bench.hash();
    let device = bench.power_on();
    for origin in [
        "http://evil.example",
        "null",
        "http://device:81",
        "file://",
        "",
    ] {
        let header = format!("Origin: {origin}\r\n");
        every_post(&device, &header, 403, "cross_site");
    }
    bench = device.power_off();
    assert_eq!(before, bench.hash());
    let device = bench.power_on();
    let answer = device.ask(&push("Origin: http://Device\r\n", release("1.1.0").bytes));
    assert_eq!(answer.status, 200, "{answer:?}");
}
