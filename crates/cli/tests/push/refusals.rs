//! What is refused: here before a byte is sent, or by the device.

use updraft_protocol::SlotState;

use crate::fake::{Fake, OnUpload, before, new, runs, session};
use crate::support::{Run, Updraft, fixture, fixture_bytes, json};

/// That it ended with this exit code and this error code.
fn ended(run: &Run, exit: i32, code: &str) {
    assert_eq!(run.code, exit, "{}", run.stderr);
    let last = run.stderr.lines().last().unwrap();
    assert_eq!(json(last)["error"]["code"], code, "{}", run.stderr);
    assert_eq!(run.stdout, "");
}

fn idle() -> Fake {
    Fake::start(before(), OnUpload::Take, vec![new(SlotState::Valid, 1)])
}

#[test]
fn a_file_that_is_not_there_is_said_so() {
    let run = Updraft::new().run(&["push", "192.0.2.1", "nowhere.bin", "--json"]);
    ended(&run, 4, "file_unreadable");
}

#[test]
fn a_damaged_image_needs_no_device_to_be_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("app.bin");
    let mut bytes = fixture_bytes("updraft-c3-1.1.0.bin");
    bytes[100_000] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let file = file.to_str().unwrap();
    let verify = Updraft::new().run(&["image", "verify", file]);
    let push = Updraft::new().run(&["push", "192.0.2.1", file]);
    assert_eq!(push.code, 6);
    assert_eq!(push.stderr, verify.stderr, "the same words as image verify");
}

#[test]
fn what_the_device_could_not_take_is_not_sent() {
    let fake = idle();
    ended(
        &fake.push_file(&fixture("updraft-c6-1.0.0.bin"), &[]),
        6,
        "wrong_chip",
    );

    let mut small = before();
    small.free_space = 100_000;
    let small = Fake::start(small, OnUpload::Take, vec![]);
    ended(&small.push(&[]), 6, "too_large");

    let mut raised = before();
    raised.secure_version = 3;
    let raised = Fake::start(raised, OnUpload::Take, vec![]);
    ended(&raised.push(&[]), 6, "secure_version_too_low");

    let mut single = before();
    single.next = None;
    let single = Fake::start(single, OnUpload::Take, vec![]);
    ended(&single.push(&[]), 6, "no_slot");
    for device in [fake, small, raised, single] {
        assert_eq!(device.head(), "");
    }
}

#[test]
fn a_downgrade_has_to_be_meant() {
    let status = runs("1.2.0", "ota_0", SlotState::Valid, 1000);
    let fake = Fake::start(status, OnUpload::Take, vec![new(SlotState::Valid, 1)]);
    ended(&fake.push(&[]), 6, "downgrade");
    assert_eq!(fake.head(), "");
    let run = fake.push(&["--allow-downgrade"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(
        fake.head().contains("x-allow-downgrade: 1\r\n"),
        "{}",
        fake.head()
    );
}

#[test]
fn a_device_that_is_busy_or_on_trial_is_left_alone() {
    let mut busy = before();
    busy.session = Some(session());
    let busy = Fake::start(busy, OnUpload::Take, vec![]);
    let run = busy.push(&[]);
    ended(&run, 6, "busy");
    assert!(
        run.stderr
            .contains("an update by espota from 192.0.2.9 is under way, 1000 of 2000 bytes"),
        "{}",
        run.stderr
    );
    let trial = runs("1.0.0", "ota_0", SlotState::PendingVerify, 5);
    let trial = Fake::start(trial, OnUpload::Take, vec![]);
    ended(&trial.push(&[]), 6, "on_trial");
    assert_eq!(busy.head() + &trial.head(), "");
}

#[test]
fn a_token_is_asked_for_and_shown_and_is_never_the_servers() {
    let mut status = before();
    status.push_auth = "token".into();
    let take = || {
        Fake::start(
            status.clone(),
            OnUpload::Take,
            vec![new(SlotState::Valid, 1)],
        )
    };
    let file = fixture("updraft-c3-1.1.0.bin");
    let fake = take();
    let server = Updraft::new().env("UPDRAFT_TOKEN", "of-the-server");
    ended(&fake.push_as(server, &file, &[]), 3, "push_token_missing");
    assert_eq!(fake.head(), "");

    let device = Updraft::new()
        .env("UPDRAFT_TOKEN", "of-the-server")
        .env("UPDRAFT_PUSH_TOKEN", "of-the-device");
    let run = fake.push_as(device, &file, &[]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let head = fake.head();
    assert!(
        head.contains("authorization: Bearer of-the-device\r\n"),
        "{head}"
    );

    let wrong = OnUpload::Refuse(403, "push_token_wrong", "this is not the token");
    let fake = Fake::start(status.clone(), wrong, vec![]);
    let device = Updraft::new().env("UPDRAFT_PUSH_TOKEN", "another");
    ended(&fake.push_as(device, &file, &[]), 3, "push_token_wrong");
    assert_eq!(fake.body().len(), 0, "refused by its head, nothing is sent");
}

#[test]
fn the_devices_refusal_is_told_in_its_words() {
    let words = "1.1.0 was rolled back here before";
    let fake = Fake::start(
        before(),
        OnUpload::Refuse(422, "refused_before", words),
        vec![],
    );
    let run = fake.push(&[]);
    ended(&run, 6, "refused_before");
    assert!(run.stderr.contains(words), "{}", run.stderr);
    assert_eq!(fake.body().len(), 0);
    let head = fake.head();
    let size = fixture_bytes("updraft-c3-1.1.0.bin").len();
    for header in [
        "expect: 100-continue\r\n",
        &format!("content-length: {size}\r\n"),
        "x-sha256: ",
    ] {
        assert!(head.contains(header), "{head}");
    }
}

#[test]
fn what_is_no_device_is_said_so() {
    let run = Updraft::new().run(&[
        "push",
        "http://garden",
        &fixture("updraft-c3-1.1.0.bin"),
        "--json",
    ]);
    ended(&run, 2, "host");
    // A port that was free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let file = fixture("updraft-c3-1.1.0.bin");
    let run = Updraft::new().run(&["push", &free.to_string(), &file, "--json"]);
    ended(&run, 9, "unreachable");
}
