//! `updraft image verify` on real images and on what people give it instead.

mod support;

use support::{Updraft, fixture, fixture_bytes, json};

#[test]
fn sound_image_takes_one_line() {
    let folder = support::repository().join("fixtures/firmware");
    let run = Updraft::new().folder(&folder).run(&[
        "image",
        "verify",
        "updraft-c3-1.0.0.bin",
        "--chip",
        "ESP32-C3",
        "--max-size",
        "2M",
    ]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let size = fixture_bytes("updraft-c3-1.0.0.bin").len();
    assert_eq!(
        run.stdout,
        format!("updraft-c3-1.0.0.bin: ok, updraft-c3 1.0.0 for esp32c3, {size} bytes\n")
    );
    assert_eq!(run.stderr, "");
}

#[test]
fn wrong_chip_is_named() {
    let folder = support::repository().join("fixtures/firmware");
    let run = Updraft::new().folder(&folder).run(&[
        "image",
        "verify",
        "updraft-c6-1.0.0.bin",
        "--chip",
        "esp32c3",
    ]);
    assert_eq!(run.code, 6);
    assert_eq!(run.stdout, "");
    insta::assert_snapshot!(run.stderr, @r"
    error[wrong_chip]: updraft-c6-1.0.0.bin: the image is for another chip
          at: byte 12 (0xc)
       found: esp32c6
    expected: esp32c3
    help: Build for the expected chip, or publish under the device type of the image's chip.
    ");
}

#[test]
fn size_limit_counts_to_the_byte() {
    let file = fixture("updraft-c3-1.0.0.bin");
    let size = std::fs::metadata(&file).unwrap().len();
    let verify = |limit: u64| {
        Updraft::new()
            .run(&["image", "verify", &file, "--max-size", &limit.to_string()])
            .code
    };
    assert_eq!(verify(size), 0);
    assert_eq!(verify(size - 1), 6);
}

#[test]
fn what_is_not_firmware_is_called_by_its_name() {
    for (content, code) in [
        (&b""[..], "empty_file"),
        (
            b"<!doctype html><html><body>Sign in</body></html>",
            "html_file",
        ),
        (b"\x7fELF\x01\x01\x01\0\0\0\0\0\0\0\0\0", "elf_file"),
        (b"{\"error\":\"unauthorized\"}", "json_file"),
    ] {
        let run = Updraft::new()
            .stdin(content)
            .run(&["--json", "image", "verify", "-"]);
        assert_eq!(run.code, 6);
        assert_eq!(run.stdout, "");
        let error = &json(&run.stderr)["error"];
        assert_eq!(error["code"], code);
        assert_eq!(error["exit_code"], 6);
        assert!(error["hint"].as_str().is_some_and(|hint| !hint.is_empty()));
    }
}

#[test]
fn every_truncation_is_refused() {
    let bytes = fixture_bytes("updraft-c3-1.0.0.bin");
    for length in [
        1,
        24,
        287,
        288,
        289,
        65_536,
        bytes.len() - 32,
        bytes.len() - 1,
    ] {
        let run = Updraft::new()
            .stdin(&bytes[..length])
            .run(&["image", "verify", "-"]);
        assert_eq!(run.code, 6, "{length} bytes: {}", run.stdout);
    }
}

#[test]
fn missing_file_is_not_found() {
    let run = Updraft::new().run(&["image", "verify", "no-such-file.bin"]);
    assert_eq!(run.code, 4);
    assert!(
        run.stderr
            .starts_with("error[file_unreadable]: cannot read no-such-file.bin")
    );
}

#[test]
fn unknown_chip_and_size_are_usage_errors() {
    let file = fixture("updraft-c3-1.0.0.bin");
    for option in [["--chip", "esp9000"], ["--max-size", "2 parsecs"]] {
        let run = Updraft::new().run(&["image", "verify", &file, option[0], option[1]]);
        assert_eq!(run.code, 2);
        assert!(run.stderr.contains(option[1]), "{}", run.stderr);
    }
}
