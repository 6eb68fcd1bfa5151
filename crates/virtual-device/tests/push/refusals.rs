//! What is refused at the gate: the whole flash is byte for byte what it was.

use crate::device::{Bench, Device};
use crate::http::{Answer, push};
use crate::images::{image, release};

/// The body is refused with this status and code, and the device goes on as before.
#[track_caller]
fn refuses(device: &Device, name: &str, request: &[u8], status: u16, code: &str) -> Answer {
    let answer = device.ask(request);
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (status, code),
        "{name}: {answer:?}"
    );
    assert_eq!(device.status()["running"]["version"], "1.0.0", "{name}");
    assert_eq!(
        device.status()["session"],
        serde_json::Value::Null,
        "{name}"
    );
    answer
}

/// A device on which `case` changes not one byte.
#[track_caller]
fn unchanged(case: impl FnOnce(&Device)) {
    let mut bench = Bench::new();
    let before = bench.hash();
    let device = bench.power_on();
    case(&device);
    bench = device.power_off();
    assert_eq!(before, bench.hash(), "the flash was changed");
}

#[test]
fn bodies_that_are_no_app() {
    let good = release("1.1.0").bytes;
    let mut merged = vec![0xFF; 0x2_0000];
    merged[..good.len().min(0x8000)].copy_from_slice(&good[..good.len().min(0x8000)]);
    merged[0x8000] = 0xAA;
    merged[0x8001] = 0x50;
    let mut littlefs = vec![0xFF; 1 << 20];
    littlefs[..8].copy_from_slice(&[0, 0, 0, 0, 0xF0, 0x0F, 0xFF, 0xF7]);
    littlefs[8..16].copy_from_slice(b"littlefs");
    let html = b"<!doctype html><html><title>502 Bad Gateway</title></html>".repeat(100);
    let cases: [(&str, &[u8], &str); 8] = [
        ("an empty body", b"", "not_an_image"),
        ("one byte", b"\xE9", "not_an_image"),
        ("an HTML error page", &html, "not_an_image"),
        ("a LittleFS image", &littlefs[..0x8_0000], "not_an_image"),
        ("zeros", &[0; 5000], "not_an_image"),
        ("blank flash", &[0xFF; 5000], "not_an_image"),
        (
            "a partition table",
            &[0xAA, 0x50, 1, 0].repeat(0x300),
            "not_an_image",
        ),
        ("another chip's app", image("c6-1.0.0").bytes, "wrong_chip"),
    ];
    unchanged(|device| {
        for (name, body, code) in cases {
            refuses(device, name, &push("", body), 422, code);
        }
    });
}

#[test]
fn a_merged_image_is_named_as_one() {
    // A bootloader for address 0 and, 32 KiB on, the partition table: what `esptool merge_bin` writes.
    let mut merged = release("1.1.0").bytes[..0x8000].to_vec();
    merged.extend_from_slice(&[0xAA, 0x50]);
    merged.resize(0x1_0000, 0xFF);
    let mut bench = Bench::new();
    let before = bench.hash_outside();
    let device = bench.power_on();
    let answer = device.ask(&push("", &merged));
    assert_eq!(answer.status, 422, "{answer:?}");
    assert_eq!(device.status()["running"]["version"], "1.0.0");
    bench = device.power_off();
    assert_eq!(before, bench.hash_outside());
}

#[test]
fn a_lower_version() {
    let mut bench = Bench::running("1.1.0");
    let before = bench.hash();
    let device = bench.power_on();
    let answer = device.ask(&push("", release("1.0.0").bytes));
    assert_eq!((answer.status, answer.code().as_str()), (409, "downgrade"));
    assert_eq!(device.status()["running"]["version"], "1.1.0");
    assert_eq!(before, device.power_off().hash());
}

#[test]
fn sizes() {
    unchanged(|device| {
        let long = "POST /update HTTP/1.1\r\nContent-Length: 999999999999\r\n\r\n";
        refuses(
            device,
            "a length of 12 digits",
            long.as_bytes(),
            413,
            "too_big",
        );
        let big =
            "POST /update HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 1310721\r\n\r\n";
        refuses(device, "one byte too many", big.as_bytes(), 413, "too_big");
    });
}

#[test]
fn requests_that_are_none() {
    let huge = format!("GET / HTTP/1.1\r\nCookie: {}\r\n\r\n", "c".repeat(3000));
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(40));
    let wanted = [
        ("a head of 3000 bytes", huge.as_bytes(), 431, "head_too_large"),
        ("40 headers", many.as_bytes(), 431, "head_too_large"),
        ("a TLS hello", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\0\0\0", 400, "bad_request"),
        ("junk", b"\0\0\0\0\r\n\r\n", 400, "bad_request"),
        ("SSH", b"SSH-2.0-OpenSSH_9.9\r\n", 400, "bad_request"),
        ("another protocol", b"GET / HTTP/3.0\r\n\r\n", 400, "bad_request"),
        ("no path", b"GET device HTTP/1.1\r\n\r\n", 400, "bad_request"),
        ("no length", b"POST /update HTTP/1.1\r\n\r\n", 411, "length_required"),
        (
            "a chunked body",
            b"POST /update HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            411,
            "length_required",
        ),
        (
            "both lengths",
            b"POST /update HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nhello",
            411,
            "length_required",
        ),
        (
            "two lengths",
            b"POST /update HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
            400,
            "bad_request",
        ),
        (
            "a length below zero",
            b"POST /update HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
            400,
            "bad_request",
        ),
        (
            "a bad checksum",
            b"POST /update HTTP/1.1\r\nContent-Length: 5\r\nX-Sha256: zz\r\n\r\nhello",
            400,
            "protocol_error",
        ),
        (
            "a form without a boundary",
            b"POST /update HTTP/1.1\r\nContent-Length: 5\r\nContent-Type: multipart/form-data\r\n\r\nhello",
            400,
            "protocol_error",
        ),
    ];
    unchanged(|device| {
        for (name, request, status, code) in wanted {
            refuses(device, name, request, status, code);
        }
    });
}

/// Every mutation class: the head, a segment, the middle, the checksum, the hash; cut short; with bytes behind it.
#[test]
fn damaged_images() {
    let good = release("1.1.0").bytes;
    let flipped = |at: usize| {
        let mut bytes = good.to_vec();
        bytes[at] ^= 0x10;
        bytes
    };
    let size = good.len();
    let cases = [
        ("the magic", flipped(0)),
        ("the segment count", flipped(1)),
        ("the chip", flipped(12)),
        ("a segment's length", flipped(28)),
        ("the descriptor's magic", flipped(32)),
        ("the version", flipped(48)),
        ("early data", flipped(6000)),
        ("data in the middle", flipped(size / 2)),
        ("the checksum", flipped(size - 33)),
        ("the hash", flipped(size - 1)),
        ("half of it", good[..size / 2].to_vec()),
        ("its last byte missing", good[..size - 1].to_vec()),
        ("a byte behind it", [good, b"\0"].concat()),
        ("itself twice", [good, good].concat()),
    ];
    let mut bench = Bench::new();
    let before = bench.hash_outside();
    for (name, body) in cases {
        let device = bench.power_on();
        let answer = device.ask(&push("", &body));
        assert!(
            matches!(answer.status, 409 | 413 | 422),
            "{name}: {answer:?}"
        );
        let status = device.status();
        assert_eq!(status["running"]["version"], "1.0.0", "{name}");
        assert_eq!(status["last_result"]["event"], "failed", "{name}: {status}");
        bench = device.power_off();
        assert_eq!(before, bench.hash_outside(), "{name}");
    }
    // The same device takes what is good.
    let device = bench.power_on();
    let answer = device.ask(&push("", good));
    assert_eq!(answer.text(), "OTA update successful, rebooting...");
    device.wait_for("1.1.0 is confirmed");
}

#[test]
fn a_promised_checksum_is_kept() {
    let wanted = release("1.1.0");
    let mut bench = Bench::new();
    let before = bench.hash_outside();
    let device = bench.power_on();
    let other = format!("X-Sha256: {}\r\n", release("1.4.0").sha256);
    let answer = device.ask(&push(&other, wanted.bytes));
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (422, "checksum_mismatch")
    );
    bench = device.power_off();
    assert_eq!(before, bench.hash_outside());
    let device = bench.power_on();
    let right = format!("X-Sha256: {}\r\n", wanted.sha256);
    assert_eq!(device.ask(&push(&right, wanted.bytes)).status, 200);
    device.wait_for("running 1.1.0");
}
