//! Pushes that fail: each says why, and what to do.

use std::net::UdpSocket;

use serde_json::Value;

use crate::scene::{Device, app, knowing, send};
use crate::support::{Updraft, json};

/// The error of a push to a device with these options.
fn failure(updraft: Updraft, device: &[&str], options: &[&str]) -> Option<(i32, Value)> {
    let device = Device::start(device)?;
    let mut all = vec!["--json"];
    all.extend(options);
    let run = send(updraft, &device, &app(), &all);
    assert_eq!(run.stdout, "");
    let error = json(&run.stderr)["error"].clone();
    assert_eq!(error["exit_code"], run.code);
    Some((run.code, error))
}

fn hint(error: &Value) -> &str {
    error["hint"].as_str().unwrap_or_default()
}

#[test]
fn wrong_password_is_told_from_none() {
    for scheme in ["md5", "sha256"] {
        let device = ["--password", "right", "--scheme", scheme];
        let Some((code, error)) = failure(knowing("wrong"), &device, &[]) else {
            return;
        };
        assert_eq!((code, &error["code"]), (3, &"wrong_password".into()));
        let Some((code, error)) = failure(Updraft::new(), &device, &[]) else {
            return;
        };
        assert_eq!((code, &error["code"]), (3, &"password_needed".into()));
        assert!(hint(&error).contains("UPDRAFT_ESPOTA_PASSWORD"));
    }
}

#[test]
fn silence_is_a_matter_of_firewalls() {
    // Bound and never read: nothing answers, and nothing rejects.
    let mute = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
    let port = mute.local_addr().unwrap().port().to_string();
    let push = |port: &str, timeout: &str| {
        let file = app();
        Updraft::new().run(&[
            "espota",
            "127.0.0.1",
            &file,
            "--json",
            "--port",
            port,
            "--timeout",
            timeout,
        ])
    };
    let run = push(&port, "50ms");
    assert_eq!(run.code, 9);
    let error = json(&run.stderr)["error"].clone();
    assert_eq!(error["code"], "no_answer");
    assert!(hint(&error).contains("firewall") && hint(&error).contains("UDP"));
    mute.set_nonblocking(true).unwrap();
    let mut invitations = 0;
    while mute.recv(&mut [0; 100]).is_ok() {
        invitations += 1;
    }
    assert_eq!(invitations, 10);

    drop(mute);
    let run = push(&port, "50ms");
    assert_eq!(run.code, 9);
    let message = json(&run.stderr)["error"]["message"].clone();
    let message = message.as_str().unwrap();
    assert!(
        message.contains(&format!("nothing listens on UDP port {port}")),
        "{message}"
    );
}

#[test]
fn connection_that_never_comes_names_firewall_and_nat() {
    let Some((code, error)) = failure(Updraft::new(), &["--never-connect"], &["--timeout", "1"])
    else {
        return;
    };
    assert_eq!((code, &error["code"]), (9, &"no_connection".into()));
    for word in ["firewall", "NAT", "updraft push", "--host-port"] {
        assert!(hint(&error).contains(word), "{error}");
    }
}

#[test]
fn device_has_the_last_word() {
    for (options, words) in [
        (&["--error", "MD5 Check Failed"][..], "MD5 Check Failed"),
        (&["--error", "ERROR: no_slot"], "ERROR: no_slot"),
        (
            &["--error", "Flash Write Failed", "--error-after", "5000"],
            "Flash Write Failed",
        ),
        // Not to be taken for a yes.
        (&["--error", "NOT OK"], "NOT OK"),
    ] {
        let Some((code, error)) = failure(Updraft::new(), options, &[]) else {
            return;
        };
        assert_eq!((code, &error["code"]), (7, &"device_failed".into()));
        let message = error["message"].as_str().unwrap();
        assert!(message.ends_with(words), "{message}");
    }
}

#[test]
fn cut_silence_and_a_missing_verdict_are_told_apart() {
    for (options, expected) in [
        (&["--close-after", "100000"][..], "connection_lost"),
        (&["--hang"], "timeout"),
        (&["--no-verdict"], "no_verdict"),
    ] {
        let Some((code, error)) = failure(Updraft::new(), options, &["--timeout", "2"]) else {
            return;
        };
        assert_eq!((code, &error["code"]), (9, &expected.into()), "{error}");
    }
}

#[test]
fn stranger_on_the_port_is_called_one() {
    let socket = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
    let port = socket.local_addr().unwrap().port().to_string();
    let stranger = std::thread::spawn(move || {
        let (_, from) = socket.recv_from(&mut [0; 200]).unwrap();
        socket.send_to(b"220 hello\x1b[2J", from).unwrap();
    });
    let run = Updraft::new().run(&["espota", "127.0.0.1", &app(), "--port", &port]);
    stranger.join().unwrap();
    assert_eq!(run.code, 7);
    assert!(
        run.stderr.starts_with("error[unexpected_answer]"),
        "{}",
        run.stderr
    );
    assert!(!run.stderr.contains('\u{1b}'), "{:?}", run.stderr);
}

#[test]
fn address_that_is_not_this_machines_cannot_be_listened_on() {
    let run = Updraft::new().run(&["espota", "127.0.0.1", &app(), "--host-ip", "192.0.2.1"]);
    assert_eq!(run.code, 3);
    assert!(
        run.stderr.starts_with("error[cannot_listen]"),
        "{}",
        run.stderr
    );
}
