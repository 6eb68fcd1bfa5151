//! A virtual device on real sockets, in a thread of its own.

use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use embedded_storage::nor_flash::ReadNorFlash as _;
use tokio::sync::Notify;
use updraft_agent::Settings;
use updraft_flash::partition::{Table, layout};
use updraft_virtual_device::device::{VirtualDevice, manufacture};
use updraft_virtual_device::event::{DeviceEvent, Observer};
use updraft_virtual_device::host::LocalPorts;
use updraft_virtual_device::nor_flash::{FlashSize, VirtualFlash};

use crate::client::image;

/// After which a device that has not come to do something never will: far more than the slowest machine takes.
const NEVER: Duration = Duration::from_mins(1);

/// What was seen of a device, in order.
#[derive(Default)]
struct Diary {
    lines: Mutex<Vec<String>>,
    more: Condvar,
    ota: Mutex<Option<SocketAddr>>,
}

impl Observer for Diary {
    fn event(&self, event: &DeviceEvent<'_>) {
        if let DeviceEvent::Listening { ota, .. } = event {
            *self.ota.lock().unwrap() = Some(*ota);
        }
        self.lines.lock().unwrap().push(event.to_string());
        self.more.notify_all();
    }
}

/// How the flash is divided: two OTA slots beside `factory`.
pub(crate) fn table() -> Table {
    layout::factory_4mb()
}

/// A device that asks no server, as it leaves the factory, with the ESP32-C3's app of this version.
pub(crate) fn device(version: &str) -> VirtualDevice {
    let mut flash = VirtualFlash::new(FlashSize::Mb4);
    let app = std::fs::read(image(&format!("c3-{version}"))).unwrap();
    manufacture(&mut flash, &table(), &app).unwrap();
    let name = "bench".parse().unwrap();
    let mut settings = Settings::new("", name, "esp32c3".parse().unwrap());
    settings.stability_seconds = 1;
    let mut device = VirtualDevice::new(flash, settings);
    device.local = Some(LocalPorts::free());
    device
}

/// A device with its power on.
pub(crate) struct Bench {
    diary: Arc<Diary>,
    power_off: Arc<Notify>,
    thread: Option<JoinHandle<VirtualFlash>>,
    before: VirtualFlash,
}

impl Bench {
    /// Powers the device on and waits until its first app listens.
    pub(crate) fn start(mut device: VirtualDevice) -> Self {
        let diary = Arc::new(Diary::default());
        let power_off = Arc::new(Notify::new());
        let before = device.flash.clone();
        device.observer = Arc::<Diary>::clone(&diary);
        let off = Arc::clone(&power_off);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                tokio::select! {
                    error = device.run() => panic!("{error}"),
                    () = off.notified() => {}
                }
            });
            device.flash
        });
        let bench = Self {
            diary,
            power_off,
            thread: Some(thread),
            before,
        };
        bench.wait_for("running ");
        bench
    }

    /// Its OTA port, of TCP and of UDP.
    pub(crate) fn ota(&self) -> SocketAddr {
        self.diary.ota.lock().unwrap().unwrap()
    }

    /// All that was seen so far.
    pub(crate) fn diary(&self) -> Vec<String> {
        self.diary.lines.lock().unwrap().clone()
    }

    /// Waits for a line with these words.
    pub(crate) fn wait_for(&self, words: &str) {
        self.wait_for_count(words, 1);
    }

    /// Waits until so many lines have these words.
    pub(crate) fn wait_for_count(&self, words: &str, count: usize) {
        let lines = self.diary.lines.lock().unwrap();
        let there = |lines: &mut Vec<String>| {
            lines.iter().filter(|line| line.contains(words)).count() < count
        };
        let (lines, waited) = self
            .diary
            .more
            .wait_timeout_while(lines, NEVER, there)
            .unwrap();
        assert!(!waited.timed_out(), "no {words:?} in {lines:#?}");
    }

    /// How many lines have these words.
    pub(crate) fn count(&self, words: &str) -> usize {
        self.diary()
            .iter()
            .filter(|line| line.contains(words))
            .count()
    }

    /// Cuts its power. The flash as it was before power-on, and as it is now.
    pub(crate) fn stop(mut self) -> (VirtualFlash, VirtualFlash) {
        self.power_off.notify_one();
        let after = self.thread.take().unwrap().join().unwrap();
        (self.before.clone(), after)
    }

    /// Cuts its power; its flash must be what it was, outside the slot an update goes to, the boot records and NVS.
    pub(crate) fn stop_unharmed(self) {
        let (mut before, mut after) = self.stop();
        let table = table();
        let free = [table.ota(0), table.otadata(), table.nvs()].map(|entry| *entry.unwrap());
        for offset in (0..before.capacity() as u32).step_by(4096) {
            let may_change = free
                .iter()
                .any(|entry| (entry.offset..entry.offset + entry.size).contains(&offset));
            let mut pages = [[0; 4096]; 2];
            before.read(offset, &mut pages[0]).unwrap();
            after.read(offset, &mut pages[1]).unwrap();
            assert!(
                may_change || pages[0] == pages[1],
                "{offset:#x} has changed"
            );
        }
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.power_off.notify_one();
        if let Some(thread) = self.thread.take() {
            // A test that failed says why itself.
            let _ = thread.join();
        }
    }
}
