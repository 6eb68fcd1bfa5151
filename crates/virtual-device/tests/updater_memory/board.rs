//! A board that uses no heap of its own once it is made.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::future::poll_fn;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::task::Poll;

use embedded_nal_async::{AddrType, Dns, TcpConnect};
use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash, check_erase, check_read,
    check_write,
};
use updraft_agent::{Board, Boot, Clock, Event, Indicator, Parts, Settings, System, guard_boot};
use updraft_flash::otadata::{RECORD_SIZE, Record, State};
use updraft_flash::partition::{TABLE_OFFSET, layout};
use updraft_flash::slot::AppSlot;
use updraft_image::{Chip, Expect, verify};
use updraft_protocol::check_in::MAX_BODY;
use updraft_protocol::{CheckInReply, Digest, Offer, ResetReason};

/// What the board does, decided before it is done.
pub(crate) struct Script {
    flash: RefCell<Vec<u8>>,
    check_in: Vec<u8>,
    download: Vec<u8>,
    ok: Vec<u8>,
    now_ms: Cell<u64>,
    awaited_ms: Cell<Option<u64>>,
    reset: Cell<bool>,
    activated: Cell<bool>,
    /// Bytes on the heap at each checkpoint of the download.
    heap: RefCell<([usize; 64], usize)>,
}

fn image(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../fixtures/firmware")
        .join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn response(body: &[u8]) -> Vec<u8> {
    let mut bytes =
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()).into_bytes();
    bytes.extend(body);
    bytes
}

impl Script {
    /// A device that runs 1.0.0 and is offered 1.1.0, in the largest answer a server may give.
    pub(crate) fn of_an_update() -> &'static Self {
        let table = layout::two_slots_4mb();
        let mut flash = vec![0xFF; layout::FLASH_4MB as usize];
        let mut put = |offset: u32, bytes: &[u8]| {
            flash[offset as usize..offset as usize + bytes.len()].copy_from_slice(bytes);
        };
        put(TABLE_OFFSET, &table.to_bytes());
        put(
            table.ota(0).expect("ota_0").offset,
            &image("updraft-c3-1.0.0.bin"),
        );
        let record: [u8; RECORD_SIZE] = Record::new(1, State::Valid).to_bytes();
        put(table.otadata().expect("otadata").offset, &record);

        let new = image("updraft-c3-1.1.0.bin");
        let facts = verify(&new, Expect::new()).expect("a sound image");
        let mut reply = CheckInReply {
            offer: Some(Offer {
                firmware_id: "0123456789abcdef01234567".to_owned(),
                version: "1.1.0".to_owned(),
                checksum: Digest(facts.file_sha256),
                size: new.len() as u32,
                download_url: "/download".to_owned(),
                required: false,
                description: String::new(),
                elf_sha256: Some(Digest(facts.head.app.app_elf_sha256)),
                secure_version: 0,
                allow_downgrade: false,
                activate_after_seconds: 0,
                activate_within_seconds: None,
            }),
            poll_after_seconds: 300,
        };
        let room = MAX_BODY - serde_json::to_vec(&reply).expect("JSON").len();
        if let Some(offer) = &mut reply.offer {
            offer.description = "x".repeat(room);
        }
        Box::leak(Box::new(Self {
            flash: RefCell::new(flash),
            check_in: response(&serde_json::to_vec(&reply).expect("JSON")),
            download: response(&new),
            ok: response(b"{}"),
            now_ms: Cell::new(0),
            awaited_ms: Cell::new(None),
            reset: Cell::new(false),
            activated: Cell::new(false),
            heap: RefCell::new(([0; 64], 0)),
        }))
    }

    pub(crate) fn is_reset(&self) -> bool {
        self.reset.get()
    }

    pub(crate) fn activated(&self) -> bool {
        self.activated.get()
    }

    pub(crate) fn jump(&self) {
        if let Some(next) = self.awaited_ms.take() {
            self.now_ms.set(next);
        }
    }

    pub(crate) fn heap_during_download(&self) -> Vec<usize> {
        let (heap, count) = &*self.heap.borrow();
        heap[..*count].to_vec()
    }
}

pub(crate) struct BareBoard;

impl Board for BareBoard {
    type Flash = Bare;
    type Network = Bare;
    type Clock = Bare;
    type System = Bare;
    type Indicator = Bare;
    type Leds = ();
}

/// Every part of the board.
#[derive(Clone, Copy)]
pub(crate) struct Bare(&'static Script);

/// The guard's word on a boot of it.
pub(crate) fn boot(script: &'static Script) -> Boot {
    guard_boot(&mut Bare(script), &Bare(script), 1)
}

pub(crate) fn parts(script: &'static Script) -> Parts<BareBoard> {
    let bare = Bare(script);
    Parts {
        flash: bare,
        network: bare,
        clock: bare,
        system: bare,
        checks: Vec::new(),
        indicator: bare,
        leds: (),
    }
}

pub(crate) fn settings() -> Settings {
    let id = "a-device".parse().expect("a name");
    let device_type = "esp32c3".parse().expect("a name");
    let mut settings = Settings::new("http://server", id, device_type);
    settings.token = Some("0123456789abcdef".repeat(4));
    settings
}

#[derive(Debug)]
pub(crate) struct Refused(NorFlashErrorKind);

impl From<NorFlashErrorKind> for Refused {
    fn from(kind: NorFlashErrorKind) -> Self {
        Self(kind)
    }
}

impl NorFlashError for Refused {
    fn kind(&self) -> NorFlashErrorKind {
        self.0
    }
}

impl ErrorType for Bare {
    type Error = Refused;
}

impl ReadNorFlash for Bare {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Refused> {
        check_read(self, offset, bytes.len())?;
        bytes.copy_from_slice(&self.0.flash.borrow()[offset as usize..][..bytes.len()]);
        Ok(())
    }

    fn capacity(&self) -> usize {
        layout::FLASH_4MB as usize
    }
}

impl NorFlash for Bare {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = 4096;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), Refused> {
        check_erase(self, from, to)?;
        self.0.flash.borrow_mut()[from as usize..to as usize].fill(0xFF);
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Refused> {
        check_write(self, offset, bytes.len())?;
        let mut flash = self.0.flash.borrow_mut();
        for (cell, byte) in flash[offset as usize..].iter_mut().zip(bytes) {
            *cell &= byte;
        }
        Ok(())
    }
}

impl Clock for Bare {
    fn now_ms(&self) -> u64 {
        self.0.now_ms.get()
    }

    async fn sleep_ms(&self, milliseconds: u64) {
        let until = self.now_ms() + milliseconds;
        poll_fn(|_| {
            if self.now_ms() >= until {
                return Poll::Ready(());
            }
            let earliest = self
                .0
                .awaited_ms
                .get()
                .map_or(until, |other| other.min(until));
            self.0.awaited_ms.set(Some(earliest));
            Poll::Pending
        })
        .await;
    }
}

impl System for Bare {
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
        bytes.fill(0);
    }

    async fn reboot(&self) -> Infallible {
        self.0.reset.set(true);
        std::future::pending().await
    }
}

impl Indicator for Bare {
    fn show(&mut self, event: &Event<'_>) {
        match event {
            Event::Progress { .. } => {
                let (heap, count) = &mut *self.0.heap.borrow_mut();
                heap[*count] = crate::HEAP.current_usage();
                *count += 1;
            }
            Event::Activated { .. } => self.0.activated.set(true),
            _ => {}
        }
    }
}

/// A connection that looks at the first line of a request only.
pub(crate) struct Connection {
    script: &'static Script,
    request: [u8; 128],
    length: usize,
    sent: usize,
}

impl TcpConnect for Bare {
    type Error = embedded_io_async::ErrorKind;
    type Connection<'a> = Connection;

    async fn connect(&self, _: SocketAddr) -> Result<Connection, Self::Error> {
        Ok(Connection {
            script: self.0,
            request: [0; 128],
            length: 0,
            sent: 0,
        })
    }
}

impl Dns for Bare {
    type Error = Infallible;

    async fn get_host_by_name(&self, _: &str, _: AddrType) -> Result<IpAddr, Infallible> {
        Ok(Ipv4Addr::LOCALHOST.into())
    }

    async fn get_host_by_address(&self, _: IpAddr, _: &mut [u8]) -> Result<usize, Infallible> {
        Ok(0)
    }
}

impl embedded_io_async::ErrorType for Connection {
    type Error = embedded_io_async::ErrorKind;
}

impl embedded_io_async::Write for Connection {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Self::Error> {
        for (to, from) in self.request[self.length..].iter_mut().zip(bytes) {
            *to = *from;
            self.length += 1;
        }
        Ok(bytes.len())
    }

    async fn flush(&mut self) -> Result<(), Self::Error> {
        Ok(())
    }
}

impl embedded_io_async::Read for Connection {
    async fn read(&mut self, bytes: &mut [u8]) -> Result<usize, Self::Error> {
        let line = self
            .request
            .split(|&byte| byte == b'\r')
            .next()
            .unwrap_or_default();
        let response = if line.starts_with(b"GET /download") {
            &self.script.download
        } else if line.windows(9).any(|words| words == b"/check-in") {
            &self.script.check_in
        } else {
            &self.script.ok
        };
        let left = &response[self.sent..];
        let count = left.len().min(bytes.len());
        bytes[..count].copy_from_slice(&left[..count]);
        self.sent += count;
        Ok(count)
    }
}
