//! How much memory one connection to the device takes, measured: the future that serves it, and the heap of a status,
//! of a whole log, and of a push from its first byte to the reset.
//!
//! A binary of its own, because the counting allocator counts for a whole process.

#[expect(dead_code, reason = "the test of polling uses all of it")]
#[path = "../updater_memory/board.rs"]
mod board;

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use board::{BareBoard, Script};
use embedded_io_async::{ErrorKind, ErrorType, Read, Write};
use peak_alloc::PeakAlloc;
use updraft_agent::Updater;
use updraft_agent::local::{MAX_LOCAL_FUTURE, MAX_LOCAL_HEAP, MAX_LOCAL_UPLOAD_HEAP};

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

const PEER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A client that has sent everything already. Uses no heap once it is made.
struct Client {
    request: Vec<u8>,
    sent: usize,
    answer: Vec<u8>,
}

impl Client {
    fn new(request: &[u8]) -> Self {
        Self {
            request: request.to_vec(),
            sent: 0,
            answer: Vec::with_capacity(64 * 1024),
        }
    }

    fn has(&self, text: &str) -> bool {
        String::from_utf8_lossy(&self.answer).contains(text)
    }
}

impl ErrorType for Client {
    type Error = ErrorKind;
}

impl Read for Client {
    async fn read(&mut self, bytes: &mut [u8]) -> Result<usize, ErrorKind> {
        let left = &self.request[self.sent..];
        let count = left.len().min(bytes.len());
        bytes[..count].copy_from_slice(&left[..count]);
        self.sent += count;
        Ok(count)
    }
}

impl Write for Client {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        self.answer.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    async fn flush(&mut self) -> Result<(), ErrorKind> {
        Ok(())
    }
}

/// Serves a client to the end, or to the reset. The bytes of the future, and of heap at the peak.
fn serve(
    updater: &Updater<BareBoard>,
    script: &'static Script,
    client: &mut Client,
) -> (usize, usize) {
    let before = HEAP.current_usage();
    HEAP.reset_peak_usage();
    let serving = updater.serve_http(client, PEER);
    let future = size_of_val(&serving);
    let mut serving = pin!(serving);
    let mut context = Context::from_waker(Waker::noop());
    let mut polls = 0;
    while serving.as_mut().poll(&mut context) == Poll::Pending && !script.is_reset() {
        polls += 1;
        assert!(polls < 1000, "it does not end");
        script.jump();
    }
    (future, HEAP.peak_usage() - before)
}

#[test]
fn the_documented_bounds_hold() {
    let script = Script::of_an_update();
    let updater = Updater::new(board::boot(script), board::parts(script), board::settings())
        .expect("an updater");
    let app = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../fixtures/firmware/updraft-c3-1.1.0.bin");
    let app = std::fs::read(app).expect("the fixture");
    let push = |length: usize, body: &[u8]| {
        let head = format!("POST /update HTTP/1.1\r\nContent-Length: {length}\r\n\r\n");
        Client::new(&[head.as_bytes(), body].concat())
    };

    // Uploads that end early fill the log with its longest lines, two a time.
    for _ in 0..16 {
        let mut short = push(app.len(), &app[..10_000]);
        serve(&updater, script, &mut short);
        assert!(short.has("connection_lost"));
    }
    let mut log = Client::new(b"GET /api/ota/log HTTP/1.1\r\n\r\n");
    let (future, of_log) = serve(&updater, script, &mut log);
    assert!(log.has("connection_lost") && log.has("\"number\":31"));
    let mut status = Client::new(b"GET /api/ota/status HTTP/1.1\r\n\r\n");
    let (_, of_status) = serve(&updater, script, &mut status);
    assert!(status.has("\"last_result\":{"));
    let mut whole = push(app.len(), &app);
    let (_, of_push) = serve(&updater, script, &mut whole);
    assert!(whole.has("OTA update successful"));
    assert!(script.is_reset());

    println!("future of serve_http(): {future} bytes, at most {MAX_LOCAL_FUTURE}");
    println!("heap of the whole log: {of_log} bytes, at most {MAX_LOCAL_HEAP}");
    println!("heap of the status: {of_status} bytes, at most {MAX_LOCAL_HEAP}");
    println!("heap of a push: {of_push} bytes, at most {MAX_LOCAL_UPLOAD_HEAP}");
    assert!(future <= MAX_LOCAL_FUTURE, "{future}");
    assert!(of_log <= MAX_LOCAL_HEAP, "{of_log}");
    assert!(of_status <= MAX_LOCAL_HEAP, "{of_status}");
    assert!(of_push <= MAX_LOCAL_UPLOAD_HEAP, "{of_push}");
}
