//! Pushes that succeed, whatever the device's manners are.

use std::hash::{BuildHasher as _, RandomState};
use std::os::unix::fs::PermissionsExt as _;
use std::sync::LazyLock;

use crate::scene::{Device, app, knowing, send};
use crate::support::{Updraft, json};

/// A password of this run, with a letter outside ASCII.
static PASSWORD: LazyLock<String> =
    LazyLock::new(|| format!("{:016x} ✓", RandomState::new().hash_one(0)));

const SLACK: [&str; 2] = ["--timeout", "20"];

#[test]
fn every_scheme_sends_every_byte() {
    for (options, authentication, refusals) in [
        (&[][..], "none", 0),
        (&["--password", &PASSWORD, "--scheme", "md5"], "md5", 0),
        (&["--password", &PASSWORD], "sha256", 0),
        // The SHA-256 of the password is tried first and refused.
        (&["--password", &PASSWORD, "--stored-md5"], "sha256", 1),
    ] {
        let Some(device) = Device::start(options) else {
            return;
        };
        let run = send(
            knowing(&PASSWORD),
            &device,
            &app(),
            &["--json", SLACK[0], SLACK[1]],
        );
        assert_eq!(run.code, 0, "{options:?}: {}", run.stderr);
        let (ours, theirs) = (json(&run.stdout), device.account());
        assert_eq!(ours["outcome"], "sent");
        assert_eq!(ours["authentication"], authentication, "{options:?}");
        assert_eq!(ours["project"], "updraft-c3");
        assert_eq!(ours["version"], "1.0.0");
        assert_eq!(theirs["command"], 0);
        assert_eq!(theirs["end"], "ok");
        assert_eq!(theirs["refusals"], refusals, "{options:?}");
        assert_eq!(theirs["received"], ours["size"]);
        assert_eq!(theirs["md5"], ours["md5"]);
        assert_eq!(theirs["md5"], theirs["announced"]);
    }
}

#[test]
fn every_manner_of_counting_is_understood() {
    for options in [
        &["--glue"][..],
        &["--split-ok"],
        &["--small"],
        &["--repeat"],
        &["--small", "--repeat", "--glue"],
        &["--slow", "0.002"],
        &["--stranger"],
    ] {
        let Some(device) = Device::start(options) else {
            return;
        };
        let run = send(Updraft::new(), &device, &app(), &SLACK);
        assert_eq!(run.code, 0, "{options:?}: {}", run.stderr);
        let theirs = device.account();
        assert_eq!(theirs["md5"], theirs["announced"], "{options:?}");
        assert_eq!(theirs["end"], "ok", "{options:?}");
    }
}

#[test]
fn person_reads_a_line_and_sees_it_move() {
    let Some(device) = Device::start(&[]) else {
        return;
    };
    let folder = crate::support::repository().join("fixtures/firmware");
    let run = send(
        Updraft::new().folder(&folder),
        &device,
        "updraft-c3-1.0.0.bin",
        &["--progress", "plain"],
    );
    let size = crate::support::fixture_bytes("updraft-c3-1.0.0.bin").len();
    assert_eq!(
        run.stdout,
        format!("updraft-c3-1.0.0.bin: updraft-c3 1.0.0, {size} bytes sent to 127.0.0.1\n")
    );
    let lines: Vec<&str> = run
        .stderr
        .lines()
        .filter(|line| line.starts_with("sending to 127.0.0.1: "))
        .collect();
    assert_eq!(lines.len(), 10, "{}", run.stderr);
    assert!(lines[9].ends_with("(100 %)"), "{}", lines[9]);
}

#[test]
fn lost_invitations_are_sent_again() {
    let Some(device) = Device::start(&["--ignore", "3"]) else {
        return;
    };
    let run = send(
        Updraft::new(),
        &device,
        &app(),
        &["--json", "--timeout", "500ms"],
    );
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(json(&run.stdout)["invitations"], 4);
}

#[test]
fn password_file_is_read_and_must_be_private() {
    let Some(device) = Device::start(&["--password", "from a file"]) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    std::fs::write(&file, "from a file\n").unwrap();
    let set = |mode| {
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    let options = ["--password-file", file.to_str().unwrap()];
    set(0o644);
    let run = send(Updraft::new(), &device, &app(), &options);
    assert_eq!(run.code, 3);
    assert!(
        run.stderr.starts_with("error[password_file_permissions]"),
        "{}",
        run.stderr
    );
    set(0o600);
    // The file goes before the environment.
    let run = send(knowing("another"), &device, &app(), &options);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(device.account()["refusals"], 0);
}

#[test]
fn filesystem_goes_under_its_own_command() {
    let Some(device) = Device::start(&[]) else {
        return;
    };
    let mut image = vec![0xff; 3 * 4096];
    image[8..16].copy_from_slice(b"littlefs");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("www.bin");
    std::fs::write(&file, &image).unwrap();
    let run = send(
        Updraft::new(),
        &device,
        file.to_str().unwrap(),
        &["--filesystem", "--json"],
    );
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(json(&run.stdout)["kind"], "filesystem");
    let theirs = device.account();
    assert_eq!(theirs["command"], 100);
    assert_eq!(theirs["received"], image.len());
}
