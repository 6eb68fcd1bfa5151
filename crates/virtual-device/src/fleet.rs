//! Many virtual devices at once, and how they stand.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rand::RngExt as _;
use tokio::runtime::Builder;
use tokio::sync::watch;
use tokio::task::{JoinSet, LocalSet};
use updraft_agent::{Event, Settings};
use updraft_protocol::{DeviceId, NameError};

use crate::behaviour::Behaviour;
use crate::device::VirtualDevice;
use crate::event::{DeviceEvent, Observer};
use crate::nor_flash::VirtualFlash;

/// What a device of the fleet is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Phase {
    /// Not powered on yet, or between a reset and the app.
    Starting,
    /// Running, with nothing to do.
    Idle,
    /// Fetching an image.
    Downloading {
        /// How much is in flash, in percent.
        percent: u8,
    },
    /// Running a new app that is not confirmed yet.
    OnTrial,
}

/// How one device stands.
#[derive(Debug, Clone)]
pub struct DeviceStatus {
    /// The device's name.
    pub id: String,
    /// The version that runs; empty before the first boot.
    pub version: String,
    /// What it is doing.
    pub phase: Phase,
    /// Updates confirmed since the fleet started.
    pub confirmed: u32,
    /// Updates rolled back since the fleet started.
    pub rolled_back: u32,
    /// The latest failure, in words.
    pub failure: Option<String>,
}

/// How a whole fleet stands. Shared between the devices' tasks and whoever looks.
#[derive(Debug, Default)]
pub struct FleetStatus {
    devices: Mutex<Vec<DeviceStatus>>,
}

/// A fleet's devices by version, phase and outcome.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct FleetTally {
    /// Devices by the version that runs.
    pub versions: BTreeMap<String, usize>,
    /// Devices that are downloading.
    pub downloading: usize,
    /// Devices running an app on trial.
    pub on_trial: usize,
    /// Updates confirmed in all.
    pub confirmed: usize,
    /// Updates rolled back in all.
    pub rolled_back: usize,
}

impl FleetStatus {
    /// How each device stands now.
    pub fn devices(&self) -> Vec<DeviceStatus> {
        self.lock().clone()
    }

    /// The fleet in numbers.
    pub fn tally(&self) -> FleetTally {
        let mut tally = FleetTally::default();
        for device in self.lock().iter() {
            *tally.versions.entry(device.version.clone()).or_default() += 1;
            tally.downloading += usize::from(matches!(device.phase, Phase::Downloading { .. }));
            tally.on_trial += usize::from(device.phase == Phase::OnTrial);
            tally.confirmed += device.confirmed as usize;
            tally.rolled_back += device.rolled_back as usize;
        }
        tally
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<DeviceStatus>> {
        // Every change is one assignment, so a panic elsewhere leaves nothing half done.
        self.devices.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, index: usize, change: impl FnOnce(&mut DeviceStatus)) {
        if let Some(device) = self.lock().get_mut(index) {
            change(device);
        }
    }
}

struct Reporter {
    index: usize,
    status: Arc<FleetStatus>,
}

impl Observer for Reporter {
    fn event(&self, event: &DeviceEvent<'_>) {
        self.status.change(self.index, |device| match event {
            DeviceEvent::AppStarted { behaviour } if *behaviour != Behaviour::Healthy => {
                device.phase = Phase::OnTrial;
            }
            DeviceEvent::Reset(_) => device.phase = Phase::Starting,
            DeviceEvent::Updater(event) => update(device, event),
            _ => {}
        });
    }
}

fn update(device: &mut DeviceStatus, event: &Event<'_>) {
    match event {
        Event::Started {
            version, on_trial, ..
        } => {
            (*version).clone_into(&mut device.version);
            device.phase = if *on_trial {
                Phase::OnTrial
            } else {
                Phase::Idle
            };
        }
        Event::Progress { received, total } => {
            let percent = u64::from(*received) * 100 / u64::from((*total).max(1));
            device.phase = Phase::Downloading {
                percent: percent as u8,
            };
        }
        Event::Confirmed { .. } => {
            device.confirmed += 1;
            device.phase = Phase::Idle;
        }
        Event::RolledBack { failure } => {
            device.rolled_back += 1;
            device.failure = Some(failure.to_string());
        }
        Event::Failed { failure } => {
            device.failure = Some(failure.to_string());
            device.phase = Phase::Idle;
        }
        Event::Waiting { .. } => device.phase = Phase::Idle,
        _ => {}
    }
}

/// What a fleet is made of.
#[derive(Debug, Clone)]
pub struct FleetPlan {
    /// The flash every device starts with.
    pub flash: VirtualFlash,
    /// The settings of every device; each gets a name of its own.
    pub settings: Settings,
    /// How many devices.
    pub count: usize,
    /// Whether their bootloader takes back an app that was not confirmed.
    pub bootloader_rolls_back: bool,
    /// How many times as fast as the host's their time runs.
    pub speed: u32,
    /// The devices are powered on at random moments within this long.
    pub spread: Duration,
    /// What the names begin with; a number follows.
    pub name_prefix: String,
}

/// A fleet under way. Dropping it cuts every device's power.
///
/// A device's tasks share its flash as tasks on one core do, so each device stays on one thread.
#[derive(Debug)]
pub struct Fleet {
    status: Arc<FleetStatus>,
    /// Dropped to cut the power.
    power: watch::Sender<()>,
    threads: Vec<JoinHandle<()>>,
}

/// Why a fleet could not be powered on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FleetError {
    /// The devices cannot be named so.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The host gives no thread or timer.
    #[error("the host cannot run the fleet: {0}")]
    Host(#[from] io::Error),
}

impl Fleet {
    /// Powers a fleet on, on threads of its own.
    pub fn start(plan: &FleetPlan) -> Result<Self, FleetError> {
        let status = Arc::new(FleetStatus::default());
        let mut devices = Vec::with_capacity(plan.count);
        for index in 0..plan.count {
            let id: DeviceId = format!("{}{:05}", plan.name_prefix, index + 1).parse()?;
            status.lock().push(DeviceStatus {
                id: id.to_string(),
                version: String::new(),
                phase: Phase::Starting,
                confirmed: 0,
                rolled_back: 0,
                failure: None,
            });
            let settings = Settings {
                device_id: id,
                ..plan.settings.clone()
            };
            let mut device = VirtualDevice::new(plan.flash.clone(), settings);
            device.boot.rollback = plan.bootloader_rolls_back;
            device.speed = plan.speed;
            device.observer = Arc::new(Reporter {
                index,
                status: Arc::clone(&status),
            });
            devices.push(Member {
                index,
                device,
                delay: plan.spread.mul_f64(rand::rng().random()),
                status: Arc::clone(&status),
            });
        }
        let (power, _) = watch::channel(());
        let mut fleet = Self {
            status,
            power,
            threads: Vec::new(),
        };
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let share = devices.len().div_ceil(cores).max(1);
        let mut devices = devices.into_iter();
        loop {
            let members: Vec<_> = devices.by_ref().take(share).collect();
            if members.is_empty() {
                return Ok(fleet);
            }
            let runtime = Builder::new_current_thread().enable_all().build()?;
            let power = fleet.power.subscribe();
            let thread = std::thread::Builder::new()
                .name("fleet".to_owned())
                .spawn(move || LocalSet::new().block_on(&runtime, live(members, power)))?;
            fleet.threads.push(thread);
        }
    }

    /// How the fleet stands; may be kept and asked again.
    pub fn status(&self) -> &Arc<FleetStatus> {
        &self.status
    }

    /// Cuts every device's power and waits until their tasks are gone.
    pub async fn power_off(self) {
        let Self { power, threads, .. } = self;
        drop(power);
        let joined = tokio::task::spawn_blocking(move || {
            for thread in threads {
                // A device that panicked has said so on standard error.
                let _ = thread.join();
            }
        });
        let _ = joined.await;
    }
}

/// One device of a fleet, before it is powered on.
struct Member {
    index: usize,
    device: VirtualDevice,
    delay: Duration,
    status: Arc<FleetStatus>,
}

/// Runs the devices of one thread until the power is cut.
async fn live(members: Vec<Member>, mut power: watch::Receiver<()>) {
    let mut tasks = JoinSet::new();
    for mut member in members {
        tasks.spawn_local(async move {
            tokio::time::sleep(member.delay).await;
            let error = member.device.run().await;
            member.status.change(member.index, |device| {
                device.failure = Some(error.to_string());
            });
        });
    }
    // Nothing is ever sent: the sender goes when the power does.
    while power.changed().await.is_ok() {}
    tasks.shutdown().await;
}
