//! What is not sent: no device hears of a file that would do it harm.

use std::net::UdpSocket;

use crate::scene::{Device, app, send};
use crate::support::{Run, Updraft, fixture, json};

/// Sends `content` and makes sure that nothing left this machine.
fn refused(content: &[u8], options: &[&str]) -> Run {
    let device = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
    device.set_nonblocking(true).unwrap();
    let port = device.local_addr().unwrap().port().to_string();
    let mut arguments = vec!["--json", "espota", "127.0.0.1", "-", "--port", &port];
    arguments.extend(options);
    let run = Updraft::new().stdin(content).run(&arguments);
    assert!(device.recv(&mut [0; 100]).is_err(), "{options:?}");
    run
}

#[test]
fn unsound_apps_are_refused_here() {
    let sound = std::fs::read(app()).unwrap();
    let mut damaged = sound.clone();
    damaged[100_000] ^= 1;
    for (content, options, code) in [
        (&b"<!doctype html><html></html>"[..], &[][..], "html_file"),
        (b"", &[], "empty_file"),
        (&damaged, &[], "checksum_mismatch"),
        (&sound[..200_000], &[], "truncated"),
        (&sound, &["--chip", "esp32c6"], "wrong_chip"),
        (&sound, &["--filesystem"], "app_image"),
        (&damaged, &["--filesystem"], "checksum_mismatch"),
        (&[0xff; 5000], &["--filesystem"], "filesystem_size"),
        (
            b"<!doctype html><html></html>",
            &["--filesystem"],
            "html_file",
        ),
        (b"", &["--dangerously-skip-image-checks"], "empty_file"),
    ] {
        let run = refused(content, options);
        assert_eq!(run.code, 6, "{code}: {}", run.stderr);
        assert_eq!(json(&run.stderr)["error"]["code"], code);
    }
}

#[test]
fn checks_can_be_skipped_by_who_says_so_and_are_warned() {
    let Some(device) = Device::start(&[]) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("odd.bin");
    std::fs::write(&file, b"not an app at all").unwrap();
    let run = send(
        Updraft::new(),
        &device,
        file.to_str().unwrap(),
        &["--dangerously-skip-image-checks"],
    );
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(
        run.stderr.contains("warning: the file was not checked"),
        "{}",
        run.stderr
    );
    assert_eq!(device.account()["received"], 17);
}

#[test]
fn missing_file_is_not_found() {
    let run = Updraft::new().run(&["espota", "127.0.0.1", &fixture("no-such-file.bin")]);
    assert_eq!(run.code, 4);
}
