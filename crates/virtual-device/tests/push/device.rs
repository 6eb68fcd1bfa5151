//! A virtual device on a thread of its own, listening on free ports.

use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use embedded_storage::nor_flash::ReadNorFlash as _;
use sha2::{Digest as _, Sha256};
use tokio::sync::Notify;
use updraft_agent::Settings;
use updraft_flash::partition::{Entry, Table, layout};
use updraft_virtual_device::device::{VirtualDevice, manufacture};
use updraft_virtual_device::event::{DeviceEvent, Observer};
use updraft_virtual_device::host::{Link, LocalPorts};
use updraft_virtual_device::nor_flash::{FlashSize, VirtualFlash};

use crate::http::{self, Answer};
use crate::images::release;

/// How many times as fast as a clock its time runs: a stall of 30 s takes 1.5 s.
const SPEED: u32 = 20;

/// Where the page and the push are.
type Ports = (SocketAddr, SocketAddr);

/// How long a test waits for something that will come, on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// What the device did, as text, and where it listens.
#[derive(Default)]
struct Seen {
    events: Mutex<(Vec<String>, Option<Ports>)>,
    more: Condvar,
}

impl Observer for Seen {
    fn event(&self, event: &DeviceEvent<'_>) {
        let mut events = self.events.lock().expect("lock");
        if let DeviceEvent::Listening { http, ota } = event {
            events.1 = Some((*http, *ota));
        }
        events.0.push(event.to_string());
        self.more.notify_all();
    }
}

/// A device before it is powered on.
pub(crate) struct Bench {
    pub(crate) flash: VirtualFlash,
    pub(crate) table: Table,
    pub(crate) settings: Settings,
    pub(crate) push_token: Option<String>,
    /// Whether its bootloader rolls back.
    pub(crate) rollback: bool,
}

impl Bench {
    /// A 4 MB device that runs 1.0.0 from `factory`, with 1.5.0 in `ota_0`, so that there is something to lose.
    pub(crate) fn new() -> Self {
        Self::running("1.0.0")
    }

    /// The same, running another version.
    pub(crate) fn running(version: &str) -> Self {
        let table = layout::factory_4mb();
        let mut flash = VirtualFlash::new(FlashSize::Mb4);
        manufacture(&mut flash, &table, release(version).bytes).expect("it fits");
        let slot = table.ota(0).expect("ota_0");
        flash
            .preload(slot.offset, release("1.5.0").bytes)
            .expect("it fits");
        let mut settings = Settings::new(
            "",
            "bench".parse().expect("a name"),
            "esp32c3".parse().expect("a name"),
        );
        settings.min_uptime_seconds = 0;
        let mut bench = Self {
            flash,
            table,
            settings,
            push_token: None,
            rollback: true,
        };
        // Its first boot writes what every first boot writes.
        let device = bench.power_on();
        device.wait_for("running");
        device.status();
        bench = device.power_off();
        bench
    }

    pub(crate) fn power_on(self) -> Device {
        let seen = Arc::new(Seen::default());
        let off = Arc::new(Notify::new());
        let link = Arc::new(Link::default());
        let thread = {
            let (seen, off, link) = (Arc::clone(&seen), Arc::clone(&off), Arc::clone(&link));
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .expect("a runtime");
                let mut device = VirtualDevice::new(self.flash, self.settings.clone());
                device.boot.rollback = self.rollback;
                device.speed = SPEED;
                device.local = Some(LocalPorts::free());
                device.push_token.clone_from(&self.push_token);
                device.observer = seen;
                device.link = link;
                runtime.block_on(async {
                    tokio::select! {
                        error = device.run() => panic!("{error}"),
                        () = off.notified() => {}
                    }
                });
                Self {
                    flash: device.flash,
                    table: self.table,
                    settings: self.settings,
                    push_token: self.push_token,
                    rollback: self.rollback,
                }
            })
        };
        let (http, ota) = {
            let events = seen.events.lock().expect("lock");
            let (events, _) = seen
                .more
                .wait_timeout_while(events, PATIENCE, |events| events.1.is_none())
                .expect("lock");
            events.1.expect("it listens")
        };
        Device {
            http,
            ota,
            link,
            seen,
            off,
            thread,
        }
    }

    /// SHA-256 of the whole flash.
    pub(crate) fn hash(&mut self) -> [u8; 32] {
        self.hash_without(&[])
    }

    /// SHA-256 of the whole flash without what an update that began may change: the slot it went to, otadata, NVS.
    pub(crate) fn hash_outside(&mut self) -> [u8; 32] {
        let table = self.table;
        let own = [table.ota(0), table.otadata(), table.nvs()];
        self.hash_without(&own.map(|entry| *entry.expect("it has one")))
    }

    fn hash_without(&mut self, without: &[Entry]) -> [u8; 32] {
        let mut bytes = vec![0; self.flash.capacity()];
        self.flash.read(0, &mut bytes).expect("it has power");
        for entry in without {
            bytes[entry.offset as usize..(entry.offset + entry.size) as usize].fill(0);
        }
        Sha256::digest(&bytes).into()
    }
}

/// A device that runs.
pub(crate) struct Device {
    pub(crate) http: SocketAddr,
    pub(crate) ota: SocketAddr,
    pub(crate) link: Arc<Link>,
    seen: Arc<Seen>,
    off: Arc<Notify>,
    thread: JoinHandle<Bench>,
}

impl Device {
    /// Cuts its power.
    pub(crate) fn power_off(self) -> Bench {
        self.off.notify_one();
        self.thread.join().expect("the device lived")
    }

    /// What it did so far.
    pub(crate) fn events(&self) -> Vec<String> {
        self.seen.events.lock().expect("lock").0.clone()
    }

    /// Waits until it has done something whose text contains this; how often it has by then.
    pub(crate) fn wait_for(&self, text: &str) {
        self.wait_for_times(text, 1);
    }

    pub(crate) fn wait_for_times(&self, text: &str, times: usize) {
        let events = self.seen.events.lock().expect("lock");
        let missing = |events: &mut (Vec<String>, _)| {
            events.0.iter().filter(|event| event.contains(text)).count() < times
        };
        let (events, timeout) = self
            .seen
            .more
            .wait_timeout_while(events, PATIENCE, missing)
            .expect("lock");
        assert!(!timeout.timed_out(), "no {text:?} in {:#?}", events.0);
    }

    /// Sends this, and reads what is answered until the end.
    pub(crate) fn ask(&self, request: &[u8]) -> Answer {
        http::exchange(self.ota, request)
    }

    /// Its status.
    pub(crate) fn status(&self) -> serde_json::Value {
        let answer = http::exchange(self.http, b"GET /api/ota/status HTTP/1.1\r\n\r\n");
        assert_eq!(answer.status, 200, "{answer:?}");
        serde_json::from_slice(&answer.body).expect("JSON")
    }
}
