//! A new frontend that a browser must confirm, and going back by hand.

use crate::bench::{SLOT, bench, request, upload};
use crate::memory::{Step, boot};
use crate::site::frontend;

const CONFIRM: &str = "/api/ota/frontend/confirm";
const ROLLBACK: &str = "/api/ota/frontend/rollback";

fn get(path: &str) -> Step {
    Step::Ask(request("GET", path, ""))
}

fn post(path: &str) -> Step {
    Step::Ask(request("POST", path, "Content-Length: 0\r\n"))
}

#[test]
fn a_browser_confirms_in_time() {
    let (old, new) = (frontend("1.0.0", SLOT), frontend("2.0.0", SLOT));
    let device = bench([Some(&old.image), None]).power_on();
    let target = "/api/ota/frontend?confirm=browser";
    assert_eq!(device.send(target, "", &new.image).status, 200);
    device.wait_for("rebooting");
    device.wait_for_times("running 1.1.0", 2);
    // Whoever confirms has not seen it.
    let answer = device.post(CONFIRM);
    assert_eq!((answer.status, answer.code().as_str()), (409, "on_trial"));
    assert_eq!(device.status()["www"]["trial"], "waiting");
    // The other slot is its way back.
    let answer = device.send("/api/ota/frontend", "", &old.image);
    assert_eq!((answer.status, answer.code().as_str()), (409, "on_trial"));
    assert_eq!(device.title(), "2.0.0");
    assert_eq!(device.post(CONFIRM).status, 200);
    device.wait_for("2.0.0 is confirmed");
    assert_eq!(device.status()["www"]["trial"], "confirmed");
    assert!(
        device
            .post(CONFIRM)
            .text()
            .contains("no frontend is on trial")
    );
    // Back by hand and forth again, without a reset.
    assert_eq!(device.post(ROLLBACK).status, 200);
    assert_eq!(device.title(), "1.0.0");
    assert_eq!(device.post(ROLLBACK).status, 200);
    assert_eq!(device.title(), "2.0.0");
    assert_eq!(device.status()["www_slot"], 1);
    let device = device.power_off().power_on();
    assert_eq!(device.title(), "2.0.0");
}

#[test]
fn no_browser_confirms_in_time() {
    let (old, new) = (frontend("1.0.0", SLOT), frontend("2.0.0", SLOT));
    let mut flash = bench([Some(&old.image), None]).flash;
    let target = "/api/ota/frontend?confirm=browser";
    let sent = boot(
        &mut flash,
        None,
        vec![Step::Ask(upload(target, "", &new.image))],
    );
    assert_eq!(sent[0].status, 200);
    let steps = vec![
        get("/"),
        Step::Wait(599_000),
        get("/"),
        Step::Wait(2000),
        get("/"),
        get("/api/ota/log"),
    ];
    let answers = boot(&mut flash, None, steps);
    assert_eq!(answers[0].body, new.file("index.html"));
    assert_eq!(answers[1].body, new.file("index.html"));
    assert_eq!(answers[2].body, old.file("index.html"));
    assert!(
        answers[3].text().contains("rolled_back"),
        "{}",
        answers[3].text()
    );
    let again = boot(&mut flash, None, vec![get("/")]);
    assert_eq!(again[0].body, old.file("index.html"));
}

#[test]
fn a_device_that_is_switched_off_before_the_limit_waits_three_times() {
    let (old, new) = (frontend("1.0.0", SLOT), frontend("2.0.0", SLOT));
    let mut flash = bench([Some(&old.image), None]).flash;
    let target = "/api/ota/frontend?confirm=browser";
    boot(
        &mut flash,
        None,
        vec![Step::Ask(upload(target, "", &new.image))],
    );
    for wait in 1..=3 {
        let answers = boot(&mut flash, None, vec![Step::Wait(300_000), get("/")]);
        assert_eq!(answers[0].body, new.file("index.html"), "wait {wait}");
    }
    let answers = boot(&mut flash, None, vec![get("/"), post(CONFIRM)]);
    assert_eq!(answers[0].body, old.file("index.html"));
    assert!(answers[1].text().contains("no frontend is on trial"));
}

#[test]
fn without_another_frontend_the_one_on_trial_stays() {
    let new = frontend("2.0.0", SLOT);
    let mut flash = bench([None, None]).flash;
    let target = "/api/ota/frontend?confirm=browser";
    boot(
        &mut flash,
        None,
        vec![Step::Ask(upload(target, "", &new.image))],
    );
    let steps = vec![
        post(ROLLBACK),
        Step::Wait(601_000),
        get("/"),
        get("/api/ota/log"),
    ];
    let answers = boot(&mut flash, None, steps);
    assert_eq!(
        (answers[0].status, answers[0].code().as_str()),
        (409, "no_way_back")
    );
    assert_eq!(answers[1].body, new.file("index.html"));
    assert!(
        answers[2].text().contains("no_way_back"),
        "{}",
        answers[2].text()
    );
}
