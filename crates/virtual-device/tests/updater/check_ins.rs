//! Check-ins that are answered wrongly, or unusually but well.

use updraft_flash::slot::AppSlot;
use updraft_protocol::ReasonCode;
use updraft_protocol::check_in::MAX_BODY;

use crate::device::Device;
use crate::support::images::release;
use crate::support::life::End;
use crate::support::reply::{Reply, Then, chunks};

type Answer = fn(Vec<u8>) -> Reply;

/// The first check-in is answered so: nothing comes of that poll but a failure, and the next one goes well.
fn check_in_fails(what: &str, answer: impl Fn() -> Reply + 'static, reason: ReasonCode) {
    let mut device = Device::wanting(release("1.1.0"));
    let mut answered = false;
    device.intercept(move |request| {
        let first = request.is_check_in() && !std::mem::replace(&mut answered, true);
        first.then(&answer)
    });
    let before = device.untouched();
    assert_eq!(device.poll(), End::Stopped(AppSlot::Ota(0)), "{what}");
    assert_eq!(device.failures(), [reason], "{what}: {:?}", device.seen());
    assert!(before == device.untouched(), "{what}");
    assert_eq!(device.poll(), End::Stopped(AppSlot::Ota(1)), "{what}");
    device.assert_confirmed(1, "1.1.0");
}

#[test]
fn check_ins_that_are_answered_wrongly() {
    let protocol = ReasonCode::ProtocolError;
    let ok = |body: &'static str| move || Reply::new("200 OK", "", body.as_bytes());
    check_in_fails("HTML", ok("<html>Please log in</html>"), protocol);
    check_in_fails("nothing", ok(""), protocol);
    check_in_fails("an empty object", ok("{}"), protocol);
    check_in_fails("an array", ok("[]"), protocol);
    check_in_fails("negative", ok(r#"{"poll_after_seconds":-1}"#), protocol);
    check_in_fails(
        "too much",
        ok(r#"{"poll_after_seconds":4294967296}"#),
        protocol,
    );
    check_in_fails(
        "half an offer",
        ok(r#"{"offer":{"version":"1.1.0"},"poll_after_seconds":1}"#),
        protocol,
    );
    check_in_fails(
        "not UTF-8",
        || Reply::new("200 OK", "", b"\"\xff\"".as_slice()),
        protocol,
    );
    check_in_fails(
        "nested",
        || Reply::new("200 OK", "", vec![b'['; 4000]),
        protocol,
    );
}

#[test]
fn check_ins_whose_answers_have_the_wrong_length() {
    let protocol = ReasonCode::ProtocolError;
    check_in_fails(
        "a body over the limit",
        || Reply::new("200 OK", "", vec![b' '; MAX_BODY + 1]),
        protocol,
    );
    check_in_fails(
        "a length over memory",
        || {
            Reply::with_headers(
                "200 OK",
                "Content-Length: 1099511627776\r\n",
                b"{".as_slice(),
            )
        },
        protocol,
    );
    check_in_fails(
        "no end",
        || Reply::with_headers("200 OK", "", vec![b' '; 100_000]),
        protocol,
    );
    check_in_fails("no HTTP", || Reply::raw("garbage\r\n\r\n"), protocol);
    check_in_fails(
        "204",
        || Reply::with_headers("204 No Content", "", b"".as_slice()),
        protocol,
    );
    check_in_fails(
        "chunks without end",
        || {
            Reply::with_headers(
                "200 OK",
                "Transfer-Encoding: chunked\r\n",
                chunks(&vec![b' '; 100_000]),
            )
        },
        protocol,
    );
    check_in_fails(
        "chunks of no size",
        || {
            Reply::with_headers(
                "200 OK",
                "Transfer-Encoding: chunked\r\n",
                b"zz\r\n\r\n".as_slice(),
            )
        },
        protocol,
    );
    check_in_fails(
        "a cut chunk",
        || {
            Reply::with_headers(
                "200 OK",
                "Transfer-Encoding: chunked\r\n",
                b"ff\r\n{\"poll".as_slice(),
            )
        },
        protocol,
    );
    check_in_fails(
        "a cut body",
        || Reply::new("200 OK", "", vec![b' '; 300]).cut_to(100),
        ReasonCode::ConnectionLost,
    );
    check_in_fails(
        "silence",
        || Reply::raw("").then(Then::Silence),
        ReasonCode::ConnectionLost,
    );
    check_in_fails(
        "a silent body",
        || {
            Reply::new("200 OK", "", vec![b' '; 300])
                .cut_to(9)
                .then(Then::Silence)
        },
        ReasonCode::ConnectionLost,
    );
    for status in [
        "302 Found",
        "401 Unauthorized",
        "404 Not Found",
        "429 Too Many Requests",
        "500 Oops",
    ] {
        check_in_fails(
            status,
            move || Reply::new(status, "", b"no".as_slice()),
            ReasonCode::ServerRefused,
        );
    }
}

#[test]
fn check_ins_that_are_answered_unusually_but_well() {
    let offer = |device: &Device| {
        let offer = device.server().offer.clone();
        serde_json::to_vec(&updraft_protocol::CheckInReply {
            offer: Some(offer),
            poll_after_seconds: 60,
        })
        .expect("JSON")
    };
    let answers: [(&str, Answer); 4] = [
        ("chunked", |body| {
            Reply::with_headers("200 OK", "Transfer-Encoding: chunked\r\n", chunks(&body))
        }),
        ("up to the end of the connection", |body| {
            Reply::with_headers("200 OK", "", body)
        }),
        ("with more than announced", |body| {
            Reply::new("200 OK", "", body).and_more(3000)
        }),
        ("as large as is allowed", |mut body| {
            body.resize(MAX_BODY, b' ');
            Reply::new("201 Created", "", body)
        }),
    ];
    for (what, answer) in answers {
        let mut device = Device::wanting(release("1.1.0"));
        let body = offer(&device);
        let mut first = true;
        device.intercept(move |request| {
            let now = request.is_check_in() && std::mem::take(&mut first);
            now.then(|| answer(body.clone()))
        });
        let end = device.poll();
        if what.starts_with("with more") && end == End::Stopped(AppSlot::Ota(0)) {
            // More bytes in the very packet of the head are an error of the protocol; the next poll does it.
            assert_eq!(device.failures(), [ReasonCode::ProtocolError]);
            continue;
        }
        assert_eq!(
            end,
            End::Stopped(AppSlot::Ota(1)),
            "{what}: {:?}",
            device.seen()
        );
        device.assert_confirmed(1, "1.1.0");
    }
}
