//! A virtual device on a thread of its own, listening on free ports.

use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::Notify;
use updraft_agent::Settings;
use updraft_flash::partition::Table;
use updraft_virtual_device::device::VirtualDevice;
use updraft_virtual_device::event::{DeviceEvent, Observer};
use updraft_virtual_device::host::LocalPorts;
use updraft_virtual_device::nor_flash::VirtualFlash;

use crate::http;

/// How many times as fast as a clock its time runs: a stall of 30 s takes 1.5 s.
const SPEED: u32 = 20;

/// How long a test waits for something that will come, on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// What the device did, as text, and where it listens.
#[derive(Default)]
struct Seen {
    events: Mutex<(Vec<String>, Option<SocketAddr>)>,
    more: Condvar,
}

impl Observer for Seen {
    fn event(&self, event: &DeviceEvent<'_>) {
        let mut events = self.events.lock().expect("lock");
        if let DeviceEvent::Listening { http, .. } = event {
            events.1 = Some(*http);
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
}

impl Bench {
    pub(crate) fn power_on(self) -> Device {
        let seen = Arc::new(Seen::default());
        let off = Arc::new(Notify::new());
        let thread = {
            let (seen, off) = (Arc::clone(&seen), Arc::clone(&off));
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .expect("a runtime");
                let mut device = VirtualDevice::new(self.flash, self.settings.clone());
                device.speed = SPEED;
                device.local = Some(LocalPorts::free());
                device.push_token.clone_from(&self.push_token);
                device.observer = seen;
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
                }
            })
        };
        let http = {
            let events = seen.events.lock().expect("lock");
            let (events, _) = seen
                .more
                .wait_timeout_while(events, PATIENCE, |events| events.1.is_none())
                .expect("lock");
            events.1.expect("it listens")
        };
        Device {
            http,
            seen,
            off,
            thread,
        }
    }
}

/// A device that runs.
pub(crate) struct Device {
    pub(crate) http: SocketAddr,
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

    /// Its status.
    pub(crate) fn status(&self) -> serde_json::Value {
        let answer = http::exchange(self.http, b"GET /api/ota/status HTTP/1.1\r\n\r\n");
        assert_eq!(answer.status, 200, "{answer:?}");
        serde_json::from_slice(&answer.body).expect("JSON")
    }
}
