//! A server, or whatever stands before it, that answers what it should not.

use updraft_flash::slot::AppSlot;
use updraft_protocol::{ReasonCode, UpdateStatus};

use crate::device::Device;
use crate::support::images::release;
use crate::support::life::End;
use crate::support::reply::{Reply, Then, chunks};
use crate::support::seen::Seen;
use crate::support::server::{Request, download};

fn bytes() -> &'static [u8] {
    release("1.1.0").bytes
}

/// Every download is answered so. The device reports the reason, runs on, and takes the update from a server
/// that answers well.
fn download_fails(what: &str, answer: impl Fn(&Request) -> Reply + 'static, reason: ReasonCode) {
    let mut device = Device::wanting(release("1.1.0"));
    device.intercept(move |request| request.is_download().then(|| answer(request)));
    let end = device.poll();
    let (_, found) = device.outcome();
    assert_eq!(
        found,
        Some(reason),
        "{what}: {:?}",
        device.outcomes()[0].detail
    );
    assert!(!device.seen().contains(&Seen::Activated), "{what}");
    device.assert_as_it_was(&end);
    device.server().intercept = None;
    device.server().reports.clear();
    assert_eq!(device.poll(), End::Stopped(AppSlot::Ota(1)), "{what}");
    device.assert_confirmed(1, "1.1.0");
}

/// The first connection breaks at 100,000 bytes; what asks to go on there is answered so.
fn resume_fails(what: &str, answer: impl Fn(&Request) -> Reply + 'static, reason: ReasonCode) {
    let answer = move |request: &Request| match request.first_byte() {
        0 => download(bytes(), request).cut_to(100_000),
        _ => answer(request),
    };
    download_fails(what, answer, reason);
}

fn length(bytes: usize) -> String {
    format!("Content-Length: {bytes}\r\n")
}

#[test]
fn a_content_length_that_is_not_the_offers() {
    for wrong in [
        0,
        1,
        bytes().len() - 1,
        bytes().len() + 1,
        u32::MAX as usize,
    ] {
        let answer = move |_: &Request| Reply::with_headers("200 OK", &length(wrong), bytes());
        download_fails("length", answer, ReasonCode::ProtocolError);
    }
    let huge = |_: &Request| {
        let headers = "Content-Length: 99999999999999999999999\r\n";
        Reply::with_headers("200 OK", headers, bytes())
    };
    download_fails("huge", huge, ReasonCode::ProtocolError);
    let none = |_: &Request| Reply::with_headers("200 OK", "", bytes());
    download_fails("none", none, ReasonCode::ProtocolError);
    let chunked = |_: &Request| {
        Reply::with_headers("200 OK", "Transfer-Encoding: chunked\r\n", chunks(bytes()))
    };
    download_fails("chunked", chunked, ReasonCode::ProtocolError);
}

#[test]
fn fewer_bytes_than_were_announced_are_asked_for_until_they_come() {
    let mut device = Device::wanting(release("1.1.0"));
    // Every answer ends after 90,000 bytes.
    device.intercept(|request| {
        request
            .is_download()
            .then(|| download(bytes(), request).cut_to(90_000))
    });
    assert_eq!(device.poll(), End::Stopped(AppSlot::Ota(1)));
    let expected: Vec<usize> = (0..bytes().len()).step_by(90_000).collect();
    assert_eq!(device.downloads(), expected);
    device.assert_confirmed(1, "1.1.0");
}

#[test]
fn more_bytes_than_were_announced_are_left_alone() {
    for extra in [1, 100, 100_000] {
        let mut device = Device::wanting(release("1.1.0"));
        device.intercept(move |request| {
            let more = || download(bytes(), request).and_more(extra);
            request.is_download().then(more)
        });
        assert_eq!(device.poll(), End::Stopped(AppSlot::Ota(1)), "{extra}");
        device.assert_confirmed(1, "1.1.0");
    }
}

#[test]
fn a_body_that_does_not_end() {
    // The last of the announced bytes, then more of them, then silence.
    let mut device = Device::wanting(release("1.1.0"));
    device.intercept(|request| {
        let endless = || {
            download(bytes(), request)
                .and_more(5000)
                .then(Then::Silence)
        };
        request.is_download().then(endless)
    });
    assert_eq!(device.poll(), End::Stopped(AppSlot::Ota(1)));
}

#[test]
fn a_range_that_was_not_asked_for() {
    let size = bytes().len();
    let (last, one_less) = (size - 1, size - 2);
    for range in [
        format!("bytes 0-{last}/{size}"),
        format!("bytes 99999-{last}/{size}"),
        format!("bytes 100000-{one_less}/{size}"),
        format!("bytes 100000-{last}/*"),
        format!("bytes */{size}"),
        format!("100000-{last}"),
        String::new(),
    ] {
        let headers = format!("Content-Range: {range}\r\n");
        let answer =
            move |_: &Request| Reply::new("206 Partial Content", &headers, &bytes()[100_000..]);
        resume_fails(&range, answer, ReasonCode::ProtocolError);
    }
    let none = |_: &Request| Reply::new("206 Partial Content", "", &bytes()[100_000..]);
    resume_fails("no Content-Range", none, ReasonCode::ProtocolError);
    let unasked = |_: &Request| Reply::new("206 Partial Content", "", bytes());
    download_fails("a 206 to no Range", unasked, ReasonCode::ServerRefused);
}

#[test]
fn the_whole_file_where_its_rest_was_asked_for() {
    let answer = |_: &Request| Reply::new("200 OK", "", bytes());
    resume_fails("200", answer, ReasonCode::ChecksumMismatch);
}

#[test]
fn the_range_and_the_file_it_belongs_to_are_asked_for() {
    let mut device = Device::wanting(release("1.1.0"));
    device.intercept(|request| {
        let cut = request.is_download() && request.first_byte() == 0;
        cut.then(|| download(bytes(), request).cut_to(100_000))
    });
    device.poll();
    let server = device.server();
    let resumed = server
        .requests
        .iter()
        .find(|request| request.is_download() && request.first_byte() > 0)
        .expect("a resume");
    assert_eq!(resumed.header("Range"), Some("bytes=100000-"));
    let etag = format!("\"{}\"", release("1.1.0").sha256);
    assert_eq!(resumed.header("If-Range"), Some(etag.as_str()));
}

#[test]
fn statuses_that_are_no_success() {
    for (status, reason) in [
        ("302 Found", ReasonCode::ServerRefused),
        ("400 Bad Request", ReasonCode::ServerRefused),
        ("401 Unauthorized", ReasonCode::ServerRefused),
        ("404 Not Found", ReasonCode::Cancelled),
        ("410 Gone", ReasonCode::Cancelled),
        ("416 Range Not Satisfiable", ReasonCode::ServerRefused),
        ("500 Internal Server Error", ReasonCode::ServerRefused),
        ("503 Service Unavailable", ReasonCode::ServerRefused),
    ] {
        let answer =
            move |_: &Request| Reply::new(status, "Location: http://elsewhere/\r\n", bytes());
        download_fails(status, answer, reason);
    }
    for status in ["100 Continue", "204 No Content"] {
        let answer = move |_: &Request| Reply::with_headers(status, "", b"".as_slice());
        download_fails(status, answer, ReasonCode::ServerRefused);
    }
}

#[test]
fn what_is_not_http() {
    let garbage: [(&str, Vec<u8>); 6] = [
        ("an image at once", bytes()[..4096].to_vec()),
        ("ones", vec![0xFF; 5000]),
        ("a greeting", b"220 mail.example ESMTP\r\n".to_vec()),
        ("a status of letters", b"HTTP/1.1 abc OK\r\n\r\n".to_vec()),
        (
            "a bad length",
            b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n".to_vec(),
        ),
        (
            "a bad coding",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: x\r\n\r\n".to_vec(),
        ),
    ];
    for (what, sent) in garbage {
        let answer = move |_: &Request| Reply::raw(sent.clone());
        download_fails(what, answer, ReasonCode::ProtocolError);
    }
    let headers = "X-Header: x\r\n".repeat(500);
    let many = move |_: &Request| Reply::new("200 OK", &headers, bytes());
    download_fails("many headers", many, ReasonCode::ProtocolError);
    let long = format!("X-Long: {}\r\n", "x".repeat(100_000));
    let long = move |_: &Request| Reply::new("200 OK", &long, bytes());
    download_fails("a long header", long, ReasonCode::ProtocolError);
    download_fails("nothing", |_| Reply::raw(""), ReasonCode::ConnectionLost);
    let reset = |_: &Request| Reply::raw("HTTP/1.1 2").then(Then::Reset);
    download_fails("half a status", reset, ReasonCode::ConnectionLost);
}

#[test]
fn a_download_url_that_is_not_a_path() {
    for url in [
        "",
        "download",
        "http://elsewhere/download",
        "@elsewhere/x",
        ".elsewhere/x",
        ":81/x",
        "/a b",
        "/x\r\nX: y",
        "/\u{e4}",
    ] {
        let mut device = Device::wanting(release("1.1.0"));
        device.server().offer.download_url = url.into();
        let end = device.poll();
        let expected = (UpdateStatus::Failed, Some(ReasonCode::ProtocolError));
        assert_eq!(device.outcome(), expected, "{url:?}");
        let paths = device
            .server()
            .requests
            .iter()
            .all(|request| request.target.starts_with("/api/devices/cut-device/"));
        assert!(paths, "{url:?}");
        device.assert_as_it_was(&end);
    }
}
