//! The device's own HTTP: any requests, however they arrive, to a device on a small flash.
//!
//! Whatever came: the running slot, the partition table and the bootloader are untouched, what is asked next is
//! answered, and a sound push after it works.
#![no_main]

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::fmt::Write as _;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::rc::Rc;
use std::sync::OnceLock;
use std::task::{Context, Poll, Waker};

use arbitrary::Arbitrary;
use embedded_io_async::{ErrorKind, ErrorType, Read, Write};
use embedded_nal_async::{AddrType, Dns, TcpConnect};
use embedded_storage::nor_flash::{self, NorFlash, ReadNorFlash};
use libfuzzer_sys::fuzz_target;
use updraft_agent::{Board, Clock, Event, Indicator, Parts, Settings, System, Updater, guard_boot};
use updraft_flash::otadata::{OtaData, OtaDataPartition, Record, State};
use updraft_flash::partition::{AppKind, DataKind, Entry, Kind, Label, TABLE_OFFSET, Table};
use updraft_flash::region::Region;
use updraft_flash::slot::AppSlot;
use updraft_fuzz::{Memory, fixture, forge_image, seed, short_image};
use updraft_image::{Chip, Expect, FaultCode, verify};
use updraft_protocol::ResetReason;

const OTADATA: u32 = 0xD000;
const OTA_0: u32 = 0x1_0000;
const OTA_1: u32 = 0x2_0000;
const SLOT: u32 = 0x1_0000;
const FLASH: usize = 0x3_0000;
const TOKEN: &str = "s3cret";

#[derive(Arbitrary, Debug)]
struct Input {
    token: bool,
    requests: Vec<Request>,
}

#[derive(Arbitrary, Debug)]
struct Request {
    head: Head,
    body: Body,
    reads: Vec<u8>,
    end: End,
}

#[derive(Arbitrary, Debug)]
enum Head {
    Raw(Vec<u8>),
    Made {
        method: u8,
        path: u8,
        headers: Vec<(u8, u8)>,
        raw: Vec<u8>,
        length: Length,
        authorised: bool,
    },
}

#[derive(Arbitrary, Debug)]
enum Length {
    Right,
    Off(i8),
    Other(u32),
    None,
}

#[derive(Arbitrary, Debug)]
enum Body {
    None,
    Bytes(Vec<u8>),
    Image {
        changes: Vec<(u16, u8)>,
        forged: u8,
        cut: u16,
    },
    /// A form of boundary `b`.
    Form(Vec<FormPart>),
}

#[derive(Arbitrary, Debug)]
enum FormPart {
    Image { field: u8 },
    Raw(Vec<u8>),
    Boundary,
    LastBoundary,
}

#[derive(Arbitrary, Debug, Clone, Copy, PartialEq)]
enum End {
    Closed,
    Stalls,
    Breaks,
    /// The client takes no answer.
    Deaf,
}

const METHODS: [&str; 6] = ["GET", "POST", "HEAD", "PUT", "POST", "POST"];
const PATHS: [&str; 10] = [
    "/",
    "/update",
    "/api/ota/status",
    "/api/ota/log",
    "/api/ota/rollback",
    "/api/ota/confirm",
    "/api/ota/reboot",
    "/update?x=1",
    "/nowhere",
    "/update",
];
const HEADERS: [&str; 12] = [
    "Expect: 100-continue",
    "Content-Type: multipart/form-data; boundary=b",
    "Content-Type: application/octet-stream",
    "Host: device",
    "Origin: http://device",
    "Origin: http://elsewhere",
    "X-Allow-Downgrade: 1",
    "Transfer-Encoding: chunked",
    "X-Sha256: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "X-Sha256: no",
    "Content-Type: multipart/form-data; boundary=\"b\"",
    "Authorization: Bearer wrong",
];
const FIELDS: [&str; 4] = ["file", "firmware", "other", "\"; name=\"file"];

fn image() -> &'static [u8] {
    static IMAGE: OnceLock<Vec<u8>> = OnceLock::new();
    IMAGE.get_or_init(|| short_image(&fixture("firmware/updraft-c3-1.0.0.bin")))
}

/// A device on which `ota_0` runs, confirmed; `ota_1` has the app before it.
fn device() -> &'static [u8] {
    static DEVICE: OnceLock<Vec<u8>> = OnceLock::new();
    DEVICE.get_or_init(|| {
        let mut table = Table::new();
        for (label, kind, offset, size) in [
            ("nvs", Kind::Data(DataKind::Nvs), 0x9000, 0x4000),
            ("otadata", Kind::Data(DataKind::Ota), OTADATA, 0x2000),
            ("ota_0", Kind::App(AppKind::Ota(0)), OTA_0, SLOT),
            ("ota_1", Kind::App(AppKind::Ota(1)), OTA_1, SLOT),
        ] {
            let label = Label::new(label).expect("a label");
            table
                .push(Entry::new(label, kind, offset, size))
                .expect("there is room");
        }
        let mut bytes = vec![0xFF; FLASH];
        let mut put =
            |at: u32, from: &[u8]| bytes[at as usize..][..from.len()].copy_from_slice(from);
        put(TABLE_OFFSET, &table.to_bytes());
        put(OTADATA, &Record::new(3, State::Valid).to_bytes());
        put(OTADATA + 0x1000, &Record::new(2, State::Valid).to_bytes());
        put(OTA_0, image());
        put(OTA_1, image());
        bytes
    })
}

/// The flash, which is looked at while the updater has it.
#[derive(Clone)]
struct Shared(Rc<RefCell<Memory>>);

impl nor_flash::ErrorType for Shared {
    type Error = nor_flash::NorFlashErrorKind;
}

impl ReadNorFlash for Shared {
    // As the virtual device's: the updater asks for single bytes.
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Self::Error> {
        let memory = self.0.borrow();
        let from = memory
            .bytes
            .get(offset as usize..)
            .and_then(|from| from.get(..bytes.len()));
        bytes.copy_from_slice(from.expect("a read that lies in the flash"));
        Ok(())
    }

    fn capacity(&self) -> usize {
        FLASH
    }
}

impl NorFlash for Shared {
    const WRITE_SIZE: usize = Memory::WRITE_SIZE;
    const ERASE_SIZE: usize = Memory::ERASE_SIZE;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), Self::Error> {
        self.0.borrow_mut().erase(from, to)
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Self::Error> {
        self.0.borrow_mut().write(offset, bytes)
    }
}

struct Small;

impl Board for Small {
    type Flash = Shared;
    type Network = NoNetwork;
    type Clock = Time;
    type System = SmallChip;
    type Indicator = Blind;
    type Leds = ();
}

struct NoNetwork;

impl TcpConnect for NoNetwork {
    type Error = ErrorKind;
    type Connection<'a> = Stream;

    async fn connect(&self, _: SocketAddr) -> Result<Stream, ErrorKind> {
        Err(ErrorKind::ConnectionRefused)
    }
}

impl Dns for NoNetwork {
    type Error = Infallible;

    async fn get_host_by_name(&self, _: &str, _: AddrType) -> Result<IpAddr, Infallible> {
        Ok(Ipv4Addr::LOCALHOST.into())
    }

    async fn get_host_by_address(&self, _: IpAddr, _: &mut [u8]) -> Result<usize, Infallible> {
        Ok(0)
    }
}

/// Time that passes when it is waited for.
#[derive(Default)]
struct Time(Cell<u64>);

impl Clock for Time {
    fn now_ms(&self) -> u64 {
        self.0.get()
    }

    async fn sleep_ms(&self, milliseconds: u64) {
        self.0.set(self.0.get().saturating_add(milliseconds));
    }
}

struct SmallChip(Rc<Cell<bool>>);

impl System for SmallChip {
    fn chip(&self) -> Chip {
        Chip::Esp32c3
    }

    fn running_slot(&self) -> AppSlot {
        AppSlot::Ota(0)
    }

    fn reset_reason(&self) -> ResetReason {
        ResetReason::PowerOn
    }

    fn random(&self, bytes: &mut [u8]) {
        bytes.fill(4);
    }

    async fn reboot(&self) -> Infallible {
        self.0.set(true);
        std::future::pending().await
    }
}

struct Blind;

impl Indicator for Blind {
    fn show(&mut self, event: &Event<'_>) {
        assert!(!format!("{event:?}").is_empty());
    }
}

struct Stream {
    input: Vec<u8>,
    at: usize,
    reads: Vec<u8>,
    count: usize,
    end: End,
    output: Vec<u8>,
}

impl ErrorType for Stream {
    type Error = ErrorKind;
}

impl Read for Stream {
    async fn read(&mut self, bytes: &mut [u8]) -> Result<usize, ErrorKind> {
        let left = &self.input[self.at..];
        if left.is_empty() {
            return match self.end {
                End::Closed | End::Deaf => Ok(0),
                End::Stalls => std::future::pending().await,
                End::Breaks => Err(ErrorKind::ConnectionReset),
            };
        }
        let most = match self.reads.get(self.count % self.reads.len().max(1)) {
            Some(most @ 1..) => usize::from(*most),
            _ => usize::MAX,
        };
        self.count += 1;
        let count = left.len().min(bytes.len()).min(most);
        bytes[..count].copy_from_slice(&left[..count]);
        self.at += count;
        Ok(count)
    }
}

impl Write for Stream {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        if self.end == End::Deaf {
            return std::future::pending().await;
        }
        self.output.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    async fn flush(&mut self) -> Result<(), ErrorKind> {
        Ok(())
    }
}

impl Body {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::None => Vec::new(),
            Self::Bytes(bytes) => bytes.clone(),
            Self::Image {
                changes,
                forged,
                cut,
            } => {
                let mut image = image().to_vec();
                for (at, value) in changes {
                    let at = usize::from(*at) % image.len();
                    image[at] = *value;
                }
                forge_image(&mut image, *forged);
                image.truncate(image.len() - usize::from(*cut) % image.len());
                image
            }
            Self::Form(parts) => {
                let mut bytes = Vec::new();
                for part in parts.iter().take(8) {
                    match part {
                        FormPart::Image { field } => {
                            let field = FIELDS[usize::from(*field) % FIELDS.len()];
                            let head = format!(
                                "--b\r\nContent-Disposition: form-data; name=\"{field}\"\r\n\r\n"
                            );
                            bytes.extend_from_slice(head.as_bytes());
                            bytes.extend_from_slice(image());
                            bytes.extend_from_slice(b"\r\n");
                        }
                        FormPart::Raw(raw) => bytes.extend_from_slice(raw),
                        FormPart::Boundary => bytes.extend_from_slice(b"\r\n--b\r\n"),
                        FormPart::LastBoundary => bytes.extend_from_slice(b"--b--\r\n"),
                    }
                }
                bytes
            }
        }
    }
}

impl Head {
    fn bytes(&self, body: &[u8]) -> Vec<u8> {
        match self {
            Self::Raw(bytes) => bytes.clone(),
            Self::Made {
                method,
                path,
                headers,
                raw,
                length,
                authorised,
            } => {
                let method = METHODS[usize::from(*method) % METHODS.len()];
                let path = PATHS[usize::from(*path) % PATHS.len()];
                let mut head = format!("{method} {path} HTTP/1.1\r\n");
                for (header, times) in headers {
                    for _ in 0..=times % 2 {
                        let _ = write!(
                            head,
                            "{}\r\n",
                            HEADERS[usize::from(*header) % HEADERS.len()]
                        );
                    }
                }
                let right = body.len() as i64;
                let length = match length {
                    Length::Right => Some(right),
                    Length::Off(by) => Some((right + i64::from(*by)).max(0)),
                    Length::Other(other) => Some(i64::from(*other)),
                    Length::None => None,
                };
                if let Some(length) = length {
                    let _ = write!(head, "Content-Length: {length}\r\n");
                }
                if *authorised {
                    let _ = write!(head, "Authorization: Bearer {TOKEN}\r\n");
                }
                let mut head = head.into_bytes();
                head.extend_from_slice(raw);
                head.extend_from_slice(b"\r\n");
                head
            }
        }
    }
}

/// Lets a connection run to its end, or to the reset.
fn drive(future: impl Future<Output = ()>, reset: &Cell<bool>) {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    // Time passes at once, so what is not ready waits for a reset.
    if let Poll::Pending = future.as_mut().poll(&mut context) {
        assert!(reset.get(), "a connection that never ends");
    }
}

fn serve(updater: &Updater<Small>, reset: &Cell<bool>, stream: &mut Stream) {
    let peer = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    drive(updater.serve_http(stream, peer), reset);
    if stream.end != End::Deaf {
        check_answer(&stream.output);
    }
}

/// An answer is none, or one whole one, and nothing but a `100 Continue` before it.
fn check_answer(output: &[u8]) {
    const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
    let answer = output.strip_prefix(CONTINUE).unwrap_or(output);
    if answer.is_empty() {
        return;
    }
    let end = answer
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .expect("a whole head");
    let (head, body) = answer.split_at(end + 4);
    let head = std::str::from_utf8(head).expect("a head that is text");
    let status = head
        .strip_prefix("HTTP/1.1 ")
        .and_then(|rest| rest.get(..3));
    let status: u16 = status
        .and_then(|status| status.parse().ok())
        .expect("a status");
    assert!((200..600).contains(&status), "{head}");
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("Content-Length: "))
        .and_then(|length| length.parse().ok());
    assert!(body.is_empty() || length == Some(body.len()), "{head}");
}

fn otadata(flash: &Shared) -> OtaData {
    let mut flash = flash.clone();
    let window = Region::new(&mut flash, OTADATA, 0x2000).expect("a window");
    let read = OtaDataPartition::new(window).and_then(|mut it| it.read(2));
    read.expect("memory does not fail")
}

/// What boots next is an image that verifies.
fn check_next(flash: &Shared) {
    let start = match otadata(flash).slot() {
        Some(1) => OTA_1,
        _ => OTA_0,
    };
    let memory = flash.0.borrow();
    let slot = &memory.bytes[start as usize..][..SLOT as usize];
    let sound = match verify(slot, Expect::new()) {
        Ok(_) => true,
        Err(fault) if fault.code == FaultCode::TrailingBytes => {
            verify(&slot[..fault.offset as usize], Expect::new()).is_ok()
        }
        // What a signature would be is what an earlier image left behind this one.
        Err(fault) => fault.offset >= 4096,
    };
    assert!(sound, "an app that does not verify is to boot");
}

fn boot(flash: &Shared, reset: &Rc<Cell<bool>>) -> Updater<Small> {
    reset.set(false);
    let settings = Settings::new(
        "",
        "fuzzed".parse().expect("a name"),
        "esp32c3".parse().expect("a name"),
    );
    let system = SmallChip(Rc::clone(reset));
    let boot = guard_boot(&mut flash.clone(), &system, settings.boot_attempts);
    let parts = Parts {
        flash: flash.clone(),
        network: NoNetwork,
        clock: Time::default(),
        system,
        checks: Vec::new(),
        indicator: Blind,
        leds: (),
    };
    Updater::<Small>::new(boot, parts, settings).expect("a device")
}

fn run(input: Input) {
    let flash = Shared(Rc::new(RefCell::new(Memory::new(device().to_vec()))));
    let reset = Rc::new(Cell::new(false));
    let updater = boot(&flash, &reset);
    updater
        .set_push_token(input.token.then_some(TOKEN))
        .expect("a token");
    for request in input.requests.iter().take(4) {
        let body = request.body.bytes();
        let mut bytes = request.head.bytes(&body);
        bytes.extend(body);
        let knows = bytes
            .windows(TOKEN.len())
            .any(|window| window == TOKEN.as_bytes());
        let before = otadata(&flash);
        let mut stream = Stream {
            input: bytes,
            at: 0,
            reads: request.reads.clone(),
            count: 0,
            end: request.end,
            output: Vec::new(),
        };
        flash.0.borrow_mut().touched.clear();
        serve(&updater, &reset, &mut stream);
        let touched = std::mem::take(&mut flash.0.borrow_mut().touched);
        let within = |sector: &u32| (0x9..0xF).contains(sector) || (0x20..0x30).contains(sector);
        assert!(
            touched.iter().all(within),
            "sectors {touched:x?} were written"
        );
        if input.token && !knows {
            assert!(
                !reset.get() && otadata(&flash) == before,
                "changed without the token"
            );
            assert!(
                touched.iter().all(|sector| *sector < 0xD),
                "written without the token"
            );
        }
        check_next(&flash);
        if reset.get() {
            return;
        }
    }
    still_works(&updater, &reset, &flash);
}

/// The device answers, and takes a sound push.
fn still_works(updater: &Updater<Small>, reset: &Rc<Cell<bool>>, flash: &Shared) {
    for (head, body) in [
        ("GET /api/ota/status HTTP/1.1\r\n\r\n".to_owned(), &[][..]),
        (
            format!(
                "POST /update HTTP/1.1\r\nX-Allow-Downgrade: 1\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: {}\r\n\r\n",
                image().len()
            ),
            image(),
        ),
    ] {
        let mut stream = Stream {
            input: [head.as_bytes(), body].concat(),
            at: 0,
            reads: Vec::new(),
            count: 0,
            end: End::Closed,
            output: Vec::new(),
        };
        serve(updater, reset, &mut stream);
        let answer = String::from_utf8_lossy(&stream.output);
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
    assert!(reset.get() && otadata(flash).slot() == Some(1));
    check_next(flash);
}

fn seeds() {
    seed("empty", &[0]);
    for first in 0..16_u8 {
        let bytes: Vec<u8> = (0..200_u16)
            .map(|at| (at as u8).wrapping_mul(first * 2 + 1))
            .collect();
        seed(&format!("steps-{first}"), &bytes);
    }
}

fuzz_target!(init: seeds(), |input: Input| run(input));
