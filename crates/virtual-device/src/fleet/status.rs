use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use updraft_agent::Event;

use crate::behaviour::Behaviour;
use crate::event::{DeviceEvent, Observer};
use crate::host::Link;

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
    /// Whether it fell silent when it reset into an update ([`Mishaps::silent`](super::Mishaps::silent)).
    pub silent: bool,
    /// Check-ins the server answered.
    pub check_ins: u32,
    /// Versions it was offered, and how often.
    pub offers: BTreeMap<String, u32>,
}

impl DeviceStatus {
    /// A device that is not powered on yet.
    pub(super) fn new(id: String) -> Self {
        Self {
            id,
            version: String::new(),
            phase: Phase::Starting,
            confirmed: 0,
            rolled_back: 0,
            failure: None,
            silent: false,
            check_ins: 0,
            offers: BTreeMap::new(),
        }
    }
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

    pub(super) fn lock(&self) -> std::sync::MutexGuard<'_, Vec<DeviceStatus>> {
        // Every change is one assignment, so a panic elsewhere leaves nothing half done.
        self.devices.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn change(&self, index: usize, change: impl FnOnce(&mut DeviceStatus)) {
        if let Some(device) = self.lock().get_mut(index) {
            change(device);
        }
    }
}

/// Keeps one device's status.
pub(super) struct Reporter {
    pub(super) index: usize,
    pub(super) status: Arc<FleetStatus>,
    pub(super) link: Arc<Link>,
    /// Whether it falls silent once it resets into an update.
    pub(super) falls_silent: bool,
}

impl Observer for Reporter {
    fn event(&self, event: &DeviceEvent<'_>) {
        if self.falls_silent
            && let DeviceEvent::Updater(Event::Rebooting) = event
        {
            self.link.set_up(false);
            self.status
                .change(self.index, |device| device.silent = true);
        }
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
        Event::CheckedIn { offer } => {
            device.check_ins += 1;
            if let Some(version) = offer {
                *device.offers.entry((*version).to_owned()).or_default() += 1;
            }
        }
        Event::Waiting { .. } => device.phase = Phase::Idle,
        _ => {}
    }
}
