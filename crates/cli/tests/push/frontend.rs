//! Frontends, to a device with two slots for them.

use std::path::Path;

use updraft_protocol::local::{LocalStatus, LocalWww};

use crate::fake::{After, Fake, OnUpload, before};
use crate::support::{Updraft, fixture, json};

fn serves(slot: u8, trial: &str, uptime: u32) -> LocalStatus {
    LocalStatus {
        www_slot: Some(slot),
        www: Some(LocalWww {
            state: "served".into(),
            trial: trial.into(),
            version: Some(format!("{}.0.0", slot + 1)),
        }),
        uptime_seconds: uptime,
        ..before()
    }
}

fn says(slot: u8, trial: &str, uptime: u32) -> After {
    After::Says(Box::new(serves(slot, trial, uptime)))
}

fn packed(folder: &Path) -> String {
    let dist = folder.join("dist");
    std::fs::create_dir(&dist).unwrap();
    std::fs::write(dist.join("index.html"), "<!doctype html><p>new").unwrap();
    let image = folder.join("www.bin").to_str().unwrap().to_owned();
    let dist = dist.to_str().unwrap();
    let run = Updraft::new().run(&["www", "pack", dist, "-o", &image, "--size", "64K"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    image
}

#[test]
fn a_browsers_confirmation_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let image = packed(folder.path());
    let after = vec![
        After::Nothing,
        says(1, "on_trial", 1),
        says(1, "waiting", 2),
        says(1, "confirmed", 60),
    ];
    let fake = Fake::start(serves(0, "confirmed", 1000), OnUpload::Take, after);
    let run = fake.push_file(&image, &["--frontend", "--confirm", "browser"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let head = fake.head();
    assert!(
        head.starts_with("POST /api/ota/frontend?confirm=browser "),
        "{head}"
    );
    assert_eq!(fake.body(), std::fs::read(&image).unwrap());
    let result = json(&run.stdout);
    assert_eq!(result["kind"], "frontend");
    assert_eq!(result["slot"], "www_1");
    assert_eq!(result["version"], "2.0.0");
    assert_eq!(result["state"], "confirmed");
}

#[test]
fn a_frontend_that_is_not_kept_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let image = packed(folder.path());
    let after = vec![
        says(1, "waiting", 2),
        After::Nothing,
        says(0, "confirmed", 1),
    ];
    let fake = Fake::start(serves(0, "confirmed", 1000), OnUpload::Take, after);
    let run = fake.push_file(&image, &["--frontend"]);
    assert_eq!(run.code, 8, "{}", run.stderr);
    assert!(fake.head().starts_with("POST /api/ota/frontend "));
    assert_eq!(json(&run.stdout)["slot"], "www_0");
}

#[test]
fn one_kind_is_not_sent_as_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let image = packed(folder.path());
    let fake = Fake::start(serves(0, "confirmed", 1000), OnUpload::Take, vec![]);
    let run = fake.push_file(&image, &[]);
    assert_eq!(run.code, 6, "{}", run.stderr);
    assert!(
        run.stderr.contains("littlefs_image") && run.stderr.contains("--frontend"),
        "{}",
        run.stderr
    );
    let run = fake.push_file(&fixture("updraft-c3-1.1.0.bin"), &["--frontend"]);
    assert_eq!(run.code, 6, "{}", run.stderr);
    assert!(run.stderr.contains("app_image"), "{}", run.stderr);
    let none = Fake::start(before(), OnUpload::Take, vec![]);
    let run = none.push_file(&image, &["--frontend"]);
    assert_eq!(run.code, 6, "{}", run.stderr);
    assert!(run.stderr.contains("no_slot"), "{}", run.stderr);
    assert_eq!(fake.head() + &none.head(), "");
}
