//! Virtual devices from the command line, and the demo.

mod support;

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use support::server::Server;
use support::{Updraft, fixture, json};

fn publish(server: &Server, version: &str) {
    let file = fixture(&format!("updraft-c3-{version}.bin"));
    let run = server
        .admin()
        .run(&["release", "publish", &file, "--type", "esp32c3", "--quiet"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
}

fn enrolment_key(server: &Server) -> String {
    std::fs::read_to_string(server.data().join("enrolment-key")).unwrap()
}

#[test]
fn a_fleet_follows_a_release_and_the_command_ends_when_all_are_there() {
    let server = Server::start(&["--poll-interval", "10s"]);
    publish(&server, "1.1.0");
    let run = server
        .anybody()
        .env("UPDRAFT_ENROLMENT_KEY", enrolment_key(&server).trim())
        .run(&[
            "sim", "fleet", "-n", "3", "--speed", "100", "--spread", "0", "--until", "1.1.0",
            "--json",
        ]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let outcome = json(&run.stdout);
    assert_eq!(outcome["devices"], 3);
    assert_eq!(outcome["confirmed"], 3);
    assert_eq!(outcome["versions"]["1.1.0"], 3);

    let run = server
        .admin()
        .run(&["device", "list", "--version", "1.1.0", "--json"]);
    assert_eq!(json(&run.stdout)["devices"].as_array().unwrap().len(), 3);
}

#[test]
fn a_fleet_that_never_gets_there_is_said_so() {
    let server = Server::start(&[]);
    publish(&server, "1.1.0");
    let run = server
        .anybody()
        .env("UPDRAFT_ENROLMENT_KEY", enrolment_key(&server).trim())
        .run(&[
            "sim",
            "fleet",
            "-n",
            "1",
            "--speed",
            "100",
            "--until",
            "9.9.9",
            "--timeout",
            "1",
            "--json",
        ]);
    assert_eq!(run.code, 9, "{}", run.stderr);
    assert!(run.stderr.contains("fleet_timeout"), "{}", run.stderr);
}

/// A command that runs a device of this name.
fn device(server: &Server, flash: &Path, id: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_updraft"));
    command
        .env_clear()
        .env("UPDRAFT_SERVER", &server.url)
        .args(["sim", "device", "--id", id, "--speed", "100", "--flash"])
        .arg(flash);
    command
}

/// Runs a device until it prints a line with `words`, then cuts its power.
fn live_until(mut command: Command, words: &str) -> Vec<String> {
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = Vec::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        lines.push(line.clone());
        if line.contains(words) {
            break;
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(lines.last().unwrap().contains(words), "{lines:#?}");
    lines
}

#[test]
fn a_device_killed_in_mid_download_goes_on_from_its_flash_file() {
    let server = Server::start(&["--poll-interval", "10s"]);
    publish(&server, "1.1.0");
    let folder = tempfile::tempdir().unwrap();
    let flash = folder.path().join("one.bin");
    let key = enrolment_key(&server);
    let powered = || {
        let mut command = device(&server, &flash, "bench-1");
        command.env("UPDRAFT_ENROLMENT_KEY", key.trim());
        command
    };
    live_until(powered(), "131072 of");
    let lines = live_until(powered(), "1.1.0 is confirmed");
    assert!(
        !lines.iter().any(|line| line.contains(" 65536 of")),
        "what was in flash is not fetched again: {lines:#?}"
    );
    assert_eq!(std::fs::metadata(&flash).unwrap().len(), 4 << 20);
}

#[test]
fn a_device_with_a_token_of_its_own_needs_no_key() {
    let server = Server::start(&["--poll-interval", "10s"]);
    publish(&server, "1.1.0");
    let run = server
        .admin()
        .run(&["device", "enrol", "bench-2", "--type", "esp32c3", "--json"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let token = json(&run.stdout)["token"].as_str().unwrap().to_owned();
    let folder = tempfile::tempdir().unwrap();
    let flash = folder.path().join("two.bin");
    let mut command = device(&server, &flash, "bench-2");
    command.env("UPDRAFT_DEVICE_TOKEN", token);
    live_until(command, "1.1.0 is confirmed");
}

#[test]
fn a_flash_file_that_is_none_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("notes.txt");
    std::fs::write(&file, "not a flash").unwrap();
    let run = Updraft::new().run(&["sim", "device", "--flash", file.to_str().unwrap()]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(run.stderr.contains("notes.txt"), "{}", run.stderr);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "not a flash");
}

#[test]
fn an_app_that_does_not_fit_makes_no_device() {
    let folder = tempfile::tempdir().unwrap();
    let (app, flash) = (folder.path().join("app.bin"), folder.path().join("one.bin"));
    std::fs::write(&app, vec![0; (1280 << 10) + 1]).unwrap();
    let run = Updraft::new().run(&[
        "sim",
        "device",
        "--flash",
        flash.to_str().unwrap(),
        "--firmware",
        app.to_str().unwrap(),
    ]);
    assert_eq!(run.code, 6, "{}", run.stderr);
    assert!(run.stderr.contains("1310721 bytes"), "{}", run.stderr);
    assert!(!flash.exists(), "nothing half-made is left");
}

#[test]
fn the_demo_tells_its_story_to_the_end() {
    let run = Updraft::new().run(&[
        "demo",
        "--once",
        "--devices",
        "5",
        "--speed",
        "50",
        "--json",
    ]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let story = json(&run.stdout);
    assert_eq!(story["devices"], 5);
    assert_eq!(story["confirmed"], 5);
    assert_eq!(story["rolled_back"], 5);
    assert_eq!(story["versions"]["1.1.0"], 5);
}
