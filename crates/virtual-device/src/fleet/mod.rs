//! Many virtual devices at once, and how they stand.

mod status;

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use rand::RngExt as _;
use tokio::runtime::Builder;
use tokio::sync::watch;
use tokio::task::{JoinSet, LocalSet};
use updraft_agent::Settings;
use updraft_protocol::{DeviceId, NameError};

use crate::device::VirtualDevice;
use crate::host::{Link, MqttBroker};
use crate::nor_flash::VirtualFlash;

use status::Reporter;
pub use status::{DeviceStatus, FleetStatus, FleetTally, Phase};

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
    /// The MQTT broker that tells them when to update; none for devices that only poll.
    pub mqtt: Option<MqttBroker>,
    /// How many times as fast as the host's their time runs.
    pub speed: u32,
    /// The devices are powered on at random moments within this long.
    pub spread: Duration,
    /// What the names begin with; a number follows.
    pub name_prefix: String,
    /// What goes wrong.
    pub mishaps: Mishaps,
}

/// What goes wrong in a fleet, beside what its images do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Mishaps {
    /// Share of the connections that break, in basis points; see [`Link::set_breaking`].
    pub breaking: u16,
    /// Share of the devices, in basis points, that are never heard of again once they reset into an update.
    pub silent: u16,
}

/// A fleet under way. Dropping it cuts every device's power.
///
/// A device's tasks share its flash as tasks on one core do, so each device stays on one thread.
#[derive(Debug)]
pub struct Fleet {
    status: Arc<FleetStatus>,
    links: Vec<Arc<Link>>,
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
        let mut links = Vec::with_capacity(plan.count);
        for index in 0..plan.count {
            let id: DeviceId = format!("{}{:05}", plan.name_prefix, index + 1).parse()?;
            status.lock().push(DeviceStatus::new(id.to_string()));
            let settings = Settings {
                device_id: id,
                ..plan.settings.clone()
            };
            let mut device = VirtualDevice::new(plan.flash.clone(), settings);
            device.boot.rollback = plan.bootloader_rolls_back;
            device.speed = plan.speed;
            device.link.set_breaking(plan.mishaps.breaking);
            links.push(Arc::clone(&device.link));
            device.mqtt.clone_from(&plan.mqtt);
            device.observer = Arc::new(Reporter {
                index,
                status: Arc::clone(&status),
                link: Arc::clone(&device.link),
                falls_silent: rand::rng().random_range(0..10_000) < plan.mishaps.silent,
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
            links,
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

    /// Takes the network of the whole fleet's site down, or brings it back. What fell silent stays so.
    pub fn set_network(&self, up: bool) {
        let devices = self.status.lock();
        for (link, device) in self.links.iter().zip(devices.iter()) {
            link.set_up(up && !device.silent);
        }
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
