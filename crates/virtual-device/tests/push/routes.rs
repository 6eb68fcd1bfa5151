//! What is served besides a push.

use serde_json::Value;

use crate::device::Bench;
use crate::http::push;
use crate::images::release;

#[test]
fn the_status_names_what_runs_and_what_comes_next() {
    let device = Bench::new().power_on();
    let status = device.status();
    assert_eq!(status["running"]["version"], "1.0.0");
    assert_eq!(status["running"]["slot"], "factory");
    assert_eq!(status["next"]["slot"], "ota_0");
    assert_eq!(status["next"]["version"], "1.5.0");
    assert_eq!(status["state"], "factory");
    assert_eq!(status["push_auth"], "none");
    assert_eq!(status["bootloader"], "unknown");
    assert_eq!(status["chip"], "esp32c3");
    assert_eq!(status["session"], Value::Null);
    assert!(status["free_space"].as_u64() > Some(900_000), "{status}");
    device.wait_for("push is open");
}

#[test]
fn the_status_says_which_bootloader_the_first_trial_found() {
    for (rollback, word, version, slot) in [
        (true, "rollback", "1.1.0", "ota_0"),
        (false, "no_rollback", "1.1.0", "ota_0"),
        // What dies at once told it, too, and is gone again.
        (true, "rollback", "1.2.0", "factory"),
        (false, "no_rollback", "1.2.0", "factory"),
    ] {
        let mut bench = Bench::new();
        bench.rollback = rollback;
        let device = bench.power_on();
        assert_eq!(device.ask(&push("", release(version).bytes)).status, 200);
        device.wait_for(if slot == "factory" {
            "rolled back: the new app panicked"
        } else {
            "1.1.0 is confirmed"
        });
        let status = device.status();
        assert_eq!(status["bootloader"], word, "{version}");
        assert_eq!(status["running"]["slot"], slot, "{word} {version}");
        // It is remembered.
        let device = device.power_off().power_on();
        device.wait_for("running");
        assert_eq!(device.status()["bootloader"], word);
    }
}

#[test]
fn unknown_paths_wrong_methods_and_heads() {
    let device = Bench::new().power_on();
    let answer = device.ask(b"GET /nothing HTTP/1.1\r\n\r\n");
    assert_eq!((answer.status, answer.code().as_str()), (404, "not_found"));
    for (path, method, allow) in [
        ("/api/ota/status", "POST", "GET, HEAD"),
        ("/api/ota/reboot", "GET", "POST"),
        ("/update", "PUT", "GET, HEAD, POST"),
        ("/", "DELETE", "GET, HEAD"),
    ] {
        let answer = device.ask(format!("{method} {path} HTTP/1.1\r\n\r\n").as_bytes());
        assert_eq!(answer.status, 405, "{path}");
        assert!(
            answer.head.contains(&format!("Allow: {allow}")),
            "{answer:?}"
        );
    }
    let whole = device.ask(b"GET / HTTP/1.1\r\n\r\n");
    let head = device.ask(b"HEAD / HTTP/1.1\r\n\r\n");
    assert_eq!(whole.status, 200);
    assert!(head.body.is_empty());
    assert_eq!(head.head, whole.head);
    assert!(whole.body.len() < 8 * 1024, "{}", whole.body.len());
    assert!(!whole.text().contains("http://") && !whole.text().contains("https://"));
}

#[test]
fn confirm_log_rollback_and_reboot() {
    let device = Bench::new().power_on();
    let answer = device.ask(&push("", release("1.1.0").bytes));
    assert_eq!(answer.status, 200, "{answer:?}");
    device.wait_for("running 1.1.0 from ota_0, on trial");
    // On trial nothing is taken; the body is not even looked at.
    let answer = device.ask(&push("", release("1.4.0").bytes));
    assert_eq!((answer.status, answer.code().as_str()), (409, "on_trial"));
    let confirm = b"POST /api/ota/confirm HTTP/1.1\r\n\r\n";
    assert!(device.ask(confirm).text().contains("1.1.0 is confirmed"));
    assert!(device.ask(confirm).text().contains("confirmed already"));
    assert_eq!(device.status()["state"], "valid");

    let answer = device.ask(b"POST /api/ota/reboot HTTP/1.1\r\n\r\n");
    assert_eq!(answer.status, 200, "{answer:?}");
    device.wait_for_times("running 1.1.0 from ota_0", 2);

    let answer = device.ask(b"POST /api/ota/rollback HTTP/1.1\r\n\r\n");
    assert_eq!(answer.status, 200, "{answer:?}");
    device.wait_for("running 1.0.0 from factory");
    let answer = device.ask(b"GET /api/ota/log HTTP/1.1\r\n\r\n");
    let log: Value = serde_json::from_slice(&answer.body).expect("JSON");
    let events: Vec<&str> = log["events"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|event| event["event"].as_str())
        .collect();
    for wanted in [
        "begun",
        "activated",
        "confirmed_by_hand",
        "rolled_back_by_hand",
    ] {
        assert!(events.contains(&wanted), "{wanted}: {events:?}");
    }
    // There is nowhere to go back to from the factory app.
    let answer = device.ask(b"POST /api/ota/rollback HTTP/1.1\r\n\r\n");
    assert_eq!(answer.status, 409, "{answer:?}");
}
