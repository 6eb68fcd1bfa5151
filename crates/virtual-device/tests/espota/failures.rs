//! Pushes that fail: the host is told why, the device answers as before, and its flash is unharmed.

use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};

use serde_json::Value;
use updraft_protocol::espota::PasswordHash;

use crate::bench::{Bench, device};
use crate::client::{Client, image, send};

/// What the client was told must name this reason.
fn assert_refused(account: &Value, words: &str) {
    assert_eq!(account["outcome"], "device_error", "{account}");
    let detail = account["detail"].as_str().unwrap();
    assert!(detail.contains(&format!("ERROR: {words}")), "{account}");
}

/// The device still takes a sound update, and has not been harmed before.
fn goes_on(bench: Bench, options: &[&str]) {
    let account = send(bench.ota(), &image("c3-1.1.0"), options).unwrap();
    assert_eq!(account["outcome"], "done", "{account}");
    bench.wait_for("running 1.1.0 from ota_0");
    bench.stop_unharmed();
}

#[test]
fn lies_cuts_and_silence_change_nothing() {
    let bench = Bench::start(device("1.0.0"));
    let sound = image("c3-1.1.0");
    let length = std::fs::metadata(&sound).unwrap().len();
    let [half, more] = [length / 2, length + 100_000].map(|size| size.to_string());
    let zeros = "0".repeat(32);
    for (options, reason) in [
        (&["--claim-md5", &zeros][..], "checksum_mismatch"),
        (&["--claim-size", "10240"], "checksum_mismatch"),
        (&["--claim-size", &more], "connection_lost"),
        (&["--claim-size", "3000000"], "too_big"),
        (&["--stall-after", &half], ""),
        (&["--stop-after", &half], ""),
        (&["--stop-after", "0"], ""),
    ] {
        let Some(account) = send(bench.ota(), &sound, options) else {
            return;
        };
        if reason.is_empty() {
            assert_eq!(account["outcome"], "cut", "{options:?} {account}");
        } else {
            assert_refused(&account, reason);
        }
    }
    bench.wait_for_count("(connection_lost)", 4);
    goes_on(bench, &[]);
}

#[test]
fn files_that_are_no_app_of_this_chip_are_refused() {
    let bench = Bench::start(device("1.1.0"));
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("page.bin");
    std::fs::write(&page, "<!doctype html>".repeat(1000)).unwrap();
    for (file, options, reason) in [
        (image("c6-1.0.0"), &[][..], "wrong_chip"),
        (page, &[], "not_an_image"),
        (
            image("c3-1.0.0"),
            &[],
            "downgrade: use updraft push --allow-downgrade",
        ),
        (image("c3-1.1.0"), &["--filesystem"], "no_slot"),
    ] {
        let Some(account) = send(bench.ota(), &file, options) else {
            return;
        };
        assert_refused(&account, reason);
    }
    goes_on(bench, &[]);
}

#[test]
fn wrong_passwords_and_replays_open_nothing() {
    let mut device = device("1.0.0");
    device.espota_password = Some(PasswordHash::sha256(b"right"));
    let bench = Bench::start(device);
    let file = image("c3-1.1.0");
    for options in [
        &["--password", "wrong"][..],
        &["--password", "wrong", "-m"],
        // The password is right, but the device wants another hash of it.
        &["--password", "right", "-m"],
    ] {
        let Some(account) = send(bench.ota(), &file, options) else {
            return;
        };
        assert_eq!(account["outcome"], "refused", "{account}");
        assert_eq!(account["detail"], "Authentication Failed");
    }
    let zeros = "0".repeat(32);
    let options = ["--password", "right", "--claim-md5", &zeros, "--replay"];
    let account = send(bench.ota(), &file, &options).unwrap();
    assert_refused(&account, "checksum_mismatch");
    assert!(account["replayed"].is_null(), "{account}");
    assert_eq!(bench.count("an update by espota goes to ota_0"), 1);
    goes_on(bench, &["--password", "right"]);
}

#[test]
fn a_device_that_needs_a_secret_and_has_none_lets_nobody_in() {
    for token in [None, Some("a push token".replace(' ', "-"))] {
        let mut device = device("1.0.0");
        device.settings.push_needs_token = token.is_none();
        device.push_token = token;
        let bench = Bench::start(device);
        let Some(account) = send(bench.ota(), &image("c3-1.1.0"), &[]) else {
            return;
        };
        assert_eq!(account["outcome"], "refused", "{account}");
        assert!(
            account["detail"]
                .as_str()
                .unwrap()
                .contains("until a password is set")
        );
        bench.stop_unharmed();
    }
}

#[test]
fn an_app_on_trial_keeps_its_way_back() {
    let mut device = device("1.0.0");
    device.settings.stability_seconds = 100;
    let bench = Bench::start(device);
    let Some(account) = send(bench.ota(), &image("c3-1.1.0"), &[]) else {
        return;
    };
    assert_eq!(account["outcome"], "done", "{account}");
    bench.wait_for("running 1.1.0 from ota_0");
    let account = send(bench.ota(), &image("c3-1.1.0"), &[]).unwrap();
    assert_refused(&account, "on_trial");
    bench.stop_unharmed();
}

#[test]
fn a_second_transfer_is_not_heard_and_harms_nothing() {
    let bench = Bench::start(device("1.0.0"));
    let file = image("c3-1.1.0");
    let options = ["--stall-after", "100000"];
    let Some(first) = Client::start(bench.ota(), &file, &options) else {
        return;
    };
    bench.wait_for("65536 of");
    let options = ["--tries", "2", "--timeout", "0.2"];
    let second = send(bench.ota(), &file, &options).unwrap();
    assert_eq!(second["outcome"], "no_answer", "{second}");
    assert_eq!(first.account()["outcome"], "cut");
    goes_on(bench, &[]);
}

#[test]
fn while_another_update_is_under_way_the_host_is_told_which() {
    let bench = Bench::start(device("1.0.0"));
    let upload = half_an_upload(bench.ota());
    bench.wait_for("65536 of");
    let Some(account) = send(bench.ota(), &image("c3-1.1.0"), &[]) else {
        return;
    };
    assert_refused(&account, "busy: an update by push");
    drop(upload);
    bench.wait_for("(connection_lost)");
    goes_on(bench, &[]);
}

/// An upload by HTTP that has come half the way.
fn half_an_upload(ota: SocketAddr) -> TcpStream {
    let app = std::fs::read(image("c3-1.1.0")).unwrap();
    let mut stream = TcpStream::connect(ota).unwrap();
    let head = format!(
        "POST /update HTTP/1.1\r\nHost: device\r\nContent-Length: {}\r\n\r\n",
        app.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&app[..app.len() / 2]).unwrap();
    stream
}
