//! One virtual device: flash, bootloader, and the updater on the host's sockets.

use std::convert::Infallible;
use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use embedded_storage::nor_flash::ReadNorFlash as _;
use tokio::sync::Notify;
use updraft_agent::{Board, Event, Failure, Parts, Settings, Updater, guard_boot};
use updraft_flash::partition::{Entry, ReadError, TABLE_OFFSET, Table};
use updraft_flash::slot::AppSlot;
use updraft_protocol::ResetReason;
use updraft_protocol::espota::PasswordHash;

use crate::behaviour::Behaviour;
use crate::bootloader::{self, BootConfig, Efuse};
use crate::event::{DeviceEvent, Observer};
use crate::host::{
    HostClock, HostMessages, HostNetwork, HostSystem, Link, ListenError, Listeners, LocalPorts,
    MqttBroker, Shown, TimedFlash, VirtualLeds, link_check,
};
use crate::neighbourhood::Announced;
use crate::nor_flash::{FlashError, VirtualFlash};

/// Milliseconds from a reset to the app: ROM, bootloader, image verification, start-up.
const BOOT_MS: u64 = 1500;

/// Milliseconds until the watchdog resets an app that hangs (ESP-IDF's interrupt and task watchdogs bite
/// within this).
const WATCHDOG_MS: u64 = 5000;

/// How long a device that resets itself takes to say goodbye, on the host's clock.
const GOODBYE_LIMIT: Duration = Duration::from_millis(100);

/// How an app that panics "after 10 s" lives on.
const PANIC_AFTER_MS: u64 = 10_000;

/// Why a flash cannot be a device's.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// The flash itself.
    #[error("flash: {0}")]
    Flash(#[from] FlashError),
    /// The partition table cannot be read.
    #[error("partition table at 0x8000: {0}")]
    Table(#[from] ReadError<FlashError>),
    /// A port it should listen on.
    #[error("listening on {0}")]
    Listen(#[from] ListenError),
    /// The table has nowhere to put the first app.
    #[error("the partition table has neither a factory app nor ota_0")]
    NoAppPartition,
    /// The first app does not fit.
    #[error("the app has {size} bytes; its partition takes {limit}")]
    AppTooBig {
        /// The app's size in bytes.
        size: usize,
        /// The partition's size in bytes.
        limit: u32,
    },
}

/// A flash as it leaves the factory: partition table, blank otadata and NVS, and the first app in
/// `factory`, or in `ota_0` where the table has no factory app.
pub fn manufacture(flash: &mut VirtualFlash, table: &Table, app: &[u8]) -> Result<(), DeviceError> {
    let home = table
        .factory()
        .or_else(|| table.ota(0))
        .ok_or(DeviceError::NoAppPartition)?;
    if app.len() as u64 > u64::from(home.size) {
        return Err(DeviceError::AppTooBig {
            size: app.len(),
            limit: home.size,
        });
    }
    flash.preload(TABLE_OFFSET, &table.to_bytes())?;
    flash.preload(home.offset, app)?;
    Ok(())
}

struct HostBoard<'f>(std::marker::PhantomData<&'f ()>);

impl<'f> Board for HostBoard<'f> {
    type Flash = TimedFlash<'f>;
    type Network = HostNetwork;
    type Clock = HostClock;
    type System = HostSystem;
    type Indicator = Shown;
    type Leds = VirtualLeds;
}

/// One virtual device.
pub struct VirtualDevice {
    /// Its flash.
    pub flash: VirtualFlash,
    /// Its eFuses, which also tell its chip.
    pub efuse: Efuse,
    /// How its bootloader was configured.
    pub boot: BootConfig,
    /// Its updater's settings.
    pub settings: Settings,
    /// How many times as fast as the host's its time runs.
    pub speed: u32,
    /// Its link to the network.
    pub link: Arc<Link>,
    /// The MQTT broker that tells it when to update; none for a device that only polls.
    pub mqtt: Option<MqttBroker>,
    /// Where it listens; none for a device that only ever asks.
    pub local: Option<LocalPorts>,
    /// The push token to set in it; none leaves what is set.
    pub push_token: Option<String>,
    /// The espota password to set in it, as its hash; none leaves what is set.
    pub espota_password: Option<PasswordHash>,
    /// How it is found by mDNS while it listens; not at all if absent.
    pub announced: Option<Announced>,
    /// Who watches it.
    pub observer: Arc<dyn Observer>,
}

impl fmt::Debug for VirtualDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VirtualDevice")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl VirtualDevice {
    /// A device with this flash, an ESP32-C3 with ESP-IDF's bootloader and rollback on, in real time.
    pub fn new(flash: VirtualFlash, settings: Settings) -> Self {
        Self {
            flash,
            efuse: Efuse::default(),
            boot: BootConfig {
                rollback: true,
                anti_rollback: false,
            },
            settings,
            speed: 1,
            link: Arc::default(),
            mqtt: None,
            local: None,
            push_token: None,
            espota_password: None,
            announced: None,
            observer: Arc::new(()),
        }
    }

    /// Powers the device on. Ends only with an error of the flash, such as a power cut; dropping the future
    /// is a power cut between two flash operations.
    pub async fn run(&mut self) -> DeviceError {
        let listeners = match &self.local {
            Some(ports) => match Listeners::open(ports).await {
                Ok(listeners) => Some(listeners),
                Err(error) => return error.into(),
            },
            None => None,
        };
        if let Some(Ok([http, ota])) = listeners.as_ref().map(Listeners::addresses) {
            self.observer.event(&DeviceEvent::Listening { http, ota });
        }
        let mut reset = ResetReason::PowerOn;
        loop {
            match self.boot_once(reset, listeners.as_ref()).await {
                Ok(next) => reset = next,
                Err(error) => return error,
            }
            self.observer.event(&DeviceEvent::Reset(reset));
        }
    }

    /// From one reset to the next.
    async fn boot_once(
        &mut self,
        reset: ResetReason,
        listeners: Option<&Listeners>,
    ) -> Result<ResetReason, DeviceError> {
        self.pass(BOOT_MS).await;
        let table = Table::read(&mut self.flash, TABLE_OFFSET)?;
        let boot = bootloader::boot(&mut self.flash, &table, &mut self.efuse, &self.boot)?;
        self.observer.event(&DeviceEvent::Booted {
            slot: boot.slot,
            log: &boot.log,
        });
        let Some((slot, entry)) = boot.slot.and_then(|slot| Some((slot, *table.app(slot)?))) else {
            return Ok(ResetReason::Unknown);
        };
        // An app with its servers is large, and it lives for one boot: on the heap.
        Box::pin(self.run_app(slot, &entry, reset, listeners)).await
    }

    /// Runs the app in `slot` until the next reset.
    async fn run_app(
        &mut self,
        slot: AppSlot,
        entry: &Entry,
        reset_reason: ResetReason,
        listeners: Option<&Listeners>,
    ) -> Result<ResetReason, DeviceError> {
        let behaviour = Behaviour::of_image(&mut self.flash, entry.offset, entry.size)?;
        self.observer.event(&DeviceEvent::AppStarted { behaviour });
        let reset = Arc::new(Notify::new());
        let system = HostSystem {
            chip: self.efuse.chip(),
            running: slot,
            reset_reason,
            secure_version: self.efuse.secure_version(),
            reset: Arc::clone(&reset),
        };
        // First of all, as in the firmware: also in the builds that come no further.
        let boot = guard_boot(&mut self.flash, &system, self.settings.boot_attempts);
        if boot.must_reset() {
            self.observer.event(&DeviceEvent::WentBack(&boot));
            return Ok(ResetReason::Software);
        }
        match behaviour {
            Behaviour::PanicOnBoot => return Ok(ResetReason::Panic),
            Behaviour::Hang => {
                self.pass(WATCHDOG_MS).await;
                return Ok(ResetReason::Watchdog);
            }
            Behaviour::Healthy | Behaviour::PanicAfter10s | Behaviour::NoNetwork => {}
        }
        let link = self.link_of(behaviour);
        let panic_after = match behaviour {
            Behaviour::PanicAfter10s => Some(self.real(PANIC_AFTER_MS)),
            _ => None,
        };
        let busy_us = Arc::new(AtomicU64::new(0));
        let parts = Parts::<HostBoard<'_>> {
            flash: TimedFlash::new(&mut self.flash, Arc::clone(&busy_us)),
            network: HostNetwork::new(Arc::clone(&link)),
            clock: HostClock::new(self.speed, busy_us),
            system,
            checks: vec![link_check(Arc::clone(&link))],
            indicator: Shown(Arc::clone(&self.observer)),
            leds: VirtualLeds::new(Arc::clone(&self.observer)),
        };
        let updater = match Updater::new(boot, parts, self.settings.clone()) {
            Ok(updater) => updater,
            Err(failure) => {
                self.observer
                    .event(&DeviceEvent::NoUpdater(&failure.detail));
                return std::future::pending().await;
            }
        };
        let secrets = (self.push_token.as_deref(), self.espota_password.as_ref());
        if let Err(failure) = set_secrets(&updater, secrets) {
            self.observer
                .event(&DeviceEvent::Updater(&Event::Failed { failure: &failure }));
        }
        let serves = served(&updater, listeners, &link);
        let ordered = ordered(&updater, self.mqtt.as_ref(), &link);
        let panics = async {
            match panic_after {
                Some(after) => tokio::time::sleep(after).await,
                None => std::future::pending().await,
            }
        };
        let leaving = Notify::new();
        let speed = self.speed;
        let found = async {
            let bound = listeners.and_then(|listeners| listeners.addresses().ok());
            match (&self.announced, bound) {
                (Some(announced), Some(bound)) if link.is_up() => {
                    let leave = leaving.notified();
                    announced.serve(&updater, bound, speed, leave).await;
                }
                _ => leaving.notified().await,
            }
        };
        let reason = {
            let mut found = pin!(found);
            let reason = tokio::select! {
                never = updater.run() => match never {},
                never = serves => match never {},
                never = ordered => match never {},
                // It leaves once it is told to, below.
                () = found.as_mut() => ResetReason::Unknown,
                () = reset.notified() => ResetReason::Software,
                () = panics => ResetReason::Panic,
            };
            if reason == ResetReason::Software {
                leaving.notify_one();
                // A socket that takes nothing must not hold up the reset.
                let _ = tokio::time::timeout(GOODBYE_LIMIT, found).await;
            }
            reason
        };
        drop(updater);
        // The updater reports flash faults and lives on; without power nothing lives on.
        let mut byte = [0];
        self.flash.read(0, &mut byte)?;
        Ok(reason)
    }

    /// The link an app has. One without a network has a link of its own, which stays down; the device's is not
    /// touched.
    fn link_of(&self, behaviour: Behaviour) -> Arc<Link> {
        if behaviour != Behaviour::NoNetwork {
            return Arc::clone(&self.link);
        }
        let down = Link::default();
        down.set_up(false);
        Arc::new(down)
    }

    fn real(&self, milliseconds: u64) -> Duration {
        Duration::from_micros(milliseconds * 1000 / u64::from(self.speed.max(1)))
    }

    async fn pass(&self, milliseconds: u64) {
        tokio::time::sleep(self.real(milliseconds)).await;
    }
}

/// Serves the device's own network, if it listens.
async fn served(
    updater: &Updater<HostBoard<'_>>,
    listeners: Option<&Listeners>,
    link: &Arc<Link>,
) -> Infallible {
    let Some(listeners) = listeners else {
        return std::future::pending().await;
    };
    updater.say_who_may_push();
    listeners.serve(updater, link).await
}

/// Follows the broker's orders, if the device has a broker.
async fn ordered(
    updater: &Updater<HostBoard<'_>>,
    broker: Option<&MqttBroker>,
    link: &Arc<Link>,
) -> Infallible {
    let Some(broker) = broker else {
        return std::future::pending().await;
    };
    let mut client = HostMessages::new(broker.clone(), Arc::clone(link));
    updater.follow_orders(&mut client).await
}

/// Gives an app the secrets its device was made with; what is in its flash already stays.
fn set_secrets(
    updater: &Updater<HostBoard<'_>>,
    (push_token, espota_password): (Option<&str>, Option<&PasswordHash>),
) -> Result<(), Failure> {
    if let Some(token) = push_token {
        updater.set_push_token(Some(token))?;
    }
    match espota_password {
        Some(hash) => updater.set_espota_password(Some(hash)),
        None => Ok(()),
    }
}
