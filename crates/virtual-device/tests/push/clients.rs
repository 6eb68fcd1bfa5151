//! Clients people have: curl, and forms of browsers.

use std::process::Command;

use crate::device::Bench;
use crate::http::push;
use crate::images::release;

fn curl(arguments: &[&str]) -> Option<std::process::Output> {
    match Command::new("curl").arg("-sS").args(arguments).output() {
        Ok(output) => Some(output),
        Err(error) => {
            assert!(std::env::var_os("CI").is_none(), "curl: {error}");
            println!("skipped: curl: {error}");
            None
        }
    }
}

/// A release in a file of its own.
fn file(version: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), release(version).bytes).expect("written");
    file
}

#[test]
fn the_line_of_seed_001() {
    let device = Bench::new().power_on();
    let file = file("1.1.0");
    let data = format!("@{}", file.path().display());
    let url = format!("http://{}/update", device.ota);
    let Some(output) = curl(&["-X", "POST", "--data-binary", &data, &url]) else {
        return;
    };
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "OTA update successful, rebooting...",
        "{output:?}"
    );
    device.wait_for("1.1.0 is confirmed");
}

#[test]
fn a_form_of_curl_and_what_is_refused() {
    let device = Bench::running("1.1.0").power_on();
    let url = format!("http://{}/update", device.http);
    let older = file("1.0.0");
    let form = format!("firmware=@{}", older.path().display());
    let Some(output) = curl(&["-F", &form, &url]) else {
        return;
    };
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("\"downgrade\""), "{output:?}");
    let allow = ["-H", "X-Allow-Downgrade: 1", "-F", &form, &url];
    let output = curl(&allow).expect("it was there");
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "OTA update successful, rebooting...",
        "{output:?}"
    );
    device.wait_for("1.0.0 is confirmed");
}

#[test]
fn a_form_with_other_fields_before_the_file() {
    let bytes = release("1.1.0").bytes;
    let body = [
        b"--xyz\r\nContent-Disposition: form-data; name=\"MD5\"\r\n\r\n0123\r\n--xyz\r\n\
          Content-Disposition: form-data; name=\"file\"; filename=\"a;b.bin\"\r\n\
          Content-Type: application/octet-stream\r\n\r\n",
        bytes,
        b"\r\n--xyz--\r\n",
    ]
    .concat();
    let device = Bench::new().power_on();
    let kind = "Content-Type: multipart/form-data; boundary=xyz\r\n";
    let answer = device.ask(&push(kind, &body));
    assert_eq!(answer.status, 200, "{answer:?}");
    device.wait_for("running 1.1.0");
}

#[test]
fn forms_that_are_broken() {
    let bytes = release("1.1.0").bytes;
    let part = b"--xyz\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n";
    let kind = "Content-Type: multipart/form-data; boundary=xyz\r\n";
    let mut bench = Bench::new();
    let before = bench.hash_outside();
    let device = bench.power_on();
    for (name, body) in [
        ("without its end", [part, bytes].concat()),
        ("without a file", b"--xyz--\r\n".to_vec()),
        ("without boundaries", bytes.to_vec()),
    ] {
        let answer = device.ask(&push(kind, &body));
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (400, "protocol_error"),
            "{name}"
        );
    }
    bench = device.power_off();
    assert_eq!(before, bench.hash_outside());
}
