//! What becomes of it after the restart.

use std::process::{Command, Stdio};

use updraft_protocol::{ReasonCode, SlotState};

use crate::fake::{After, Fake, OnUpload, because, before, new, runs};
use crate::support::{fixture, fixture_bytes, json};

#[test]
fn confirmed_is_waited_for() {
    let after = vec![
        After::Says(Box::new(before())),
        After::Nothing,
        After::Nothing,
        new(SlotState::PendingVerify, 2),
        After::Nothing,
        new(SlotState::PendingVerify, 20),
        new(SlotState::Valid, 32),
    ];
    let fake = Fake::start(before(), OnUpload::Take, after);
    let run = fake.push(&[]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let result = json(&run.stdout);
    assert_eq!(result["outcome"], "confirmed");
    assert_eq!(result["version"], "1.1.0");
    assert_eq!(result["slot"], "ota_1");
    assert_eq!(result["state"], "valid");
    assert_eq!(result["bytes"], fixture_bytes("updraft-c3-1.1.0.bin").len());
    assert!(result["seconds"].as_f64().unwrap() > 0.0);
    assert_eq!(result["reason"], serde_json::Value::Null);
}

#[test]
fn rolled_back_is_told_with_the_reason() {
    let back = runs("1.0.0", "ota_0", SlotState::Valid, 1);
    let after = vec![
        new(SlotState::PendingVerify, 2),
        After::Nothing,
        After::Says(Box::new(back.clone())),
        because(
            back,
            "rolled_back",
            ReasonCode::RolledBack,
            "the new app panicked",
        ),
    ];
    let fake = Fake::start(before(), OnUpload::Take, after);
    let run = fake.push(&[]);
    assert_eq!(run.code, 8, "{}", run.stderr);
    let result = json(&run.stdout);
    assert_eq!(result["outcome"], "rolled_back");
    assert_eq!(result["pushed"], "1.1.0");
    assert_eq!(result["version"], "1.0.0");
    assert_eq!(result["slot"], "ota_0");
    assert_eq!(result["reason"], "rolled_back");
    assert_eq!(result["detail"], "the new app panicked");
    let error = &json(run.stderr.lines().last().unwrap())["error"];
    assert_eq!(error["code"], "rolled_back");
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .contains("runs 1.0.0 from ota_0")
    );
}

#[test]
fn a_restart_too_short_to_be_seen_is_told_by_the_devices_log() {
    // Up for longer than before, as only a device can be whose time runs fast.
    let back = runs("1.0.0", "ota_0", SlotState::Valid, 2000);
    let after = because(
        back,
        "rolled_back",
        ReasonCode::RolledBack,
        "the new app panicked",
    );
    let fake = Fake::start(before(), OnUpload::Take, vec![after]);
    assert_eq!(fake.push(&[]).code, 8);
}

#[test]
fn another_version_than_either_is_no_success() {
    let other = runs("1.3.0", "factory", SlotState::Factory, 3);
    let after = because(
        other,
        "fallback",
        ReasonCode::Fallback,
        "neither slot starts",
    );
    let fake = Fake::start(before(), OnUpload::Take, vec![After::Nothing, after]);
    let run = fake.push(&[]);
    assert_eq!(run.code, 8, "{}", run.stderr);
    let result = json(&run.stdout);
    assert_eq!(result["version"], "1.3.0");
    assert_eq!(result["slot"], "factory");
    assert_eq!(result["reason"], "fallback");
}

#[test]
fn a_wait_that_is_too_long_says_for_what() {
    for (after, code) in [
        (After::Says(Box::new(before())), "no_restart"),
        (After::Nothing, "not_back"),
        (new(SlotState::PendingVerify, 1), "not_confirmed"),
    ] {
        let fake = Fake::start(before(), OnUpload::Take, vec![after]);
        let run = fake.push(&["--timeout", "1s"]);
        assert_eq!(run.code, 9, "{}", run.stderr);
        let error = &json(run.stderr.lines().last().unwrap())["error"];
        assert_eq!(error["code"], code);
    }
}

#[test]
fn nobody_has_to_wait() {
    let fake = Fake::start(before(), OnUpload::Take, vec![After::Nothing]);
    let run = fake.push(&["--no-wait"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let result = json(&run.stdout);
    assert_eq!(result["outcome"], "rebooting");
    assert_eq!(result["version"], "1.1.0");
    assert_eq!(result["slot"], "ota_1");
}

#[test]
fn ctrl_c_ends_it() {
    let fake = Fake::start(before(), OnUpload::Take, vec![After::Nothing]);
    let mut child = Command::new(env!("CARGO_BIN_EXE_updraft"))
        .env_clear()
        .args(["push", &fake.address, &fixture("updraft-c3-1.1.0.bin")])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while !fake.is_uploaded() {
        std::thread::yield_now();
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
    }
    let pid = child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &pid])
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(child.wait().unwrap().code(), Some(130));
}
