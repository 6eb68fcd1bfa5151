//! Three sites of virtual devices, one of which goes offline.

use std::collections::BTreeSet;
use std::time::Duration;

use updraft_agent::Settings;
use updraft_flash::partition::layout;
use updraft_virtual_device::device::manufacture;
pub(crate) use updraft_virtual_device::fleet::DeviceStatus;
use updraft_virtual_device::fleet::{Fleet, FleetPlan, Mishaps};
use updraft_virtual_device::nor_flash::{FlashSize, VirtualFlash};

use crate::support::fixture;
use crate::support::server::Server;

/// How many times as fast as a clock the devices' time runs: their trial of 30 s takes 3.
pub(crate) const SPEED: u32 = 10;

/// One connection in twenty breaks; one device in fifty falls silent.
const MISHAPS: Mishaps = Mishaps {
    breaking: 500,
    silent: 200,
};

/// The fleet, by site.
pub(crate) struct Sites {
    /// Sites that stay online, with six and three and a half of ten devices.
    online: [Fleet; 2],
    /// The site that goes offline, with the rest.
    pub(crate) offline: Fleet,
    /// Time between two check-ins, by the clock.
    pub(crate) poll: Duration,
    /// A token to look with.
    pub(crate) viewer: String,
}

impl Sites {
    /// Powers all of them on.
    pub(crate) fn power_on(server: &Server, devices: usize, poll: Duration) -> Self {
        let read = |name: &str| {
            let text = std::fs::read_to_string(server.data().join(name)).expect("a secret");
            text.trim().to_owned()
        };
        let (a, b) = (devices * 60 / 100, devices * 35 / 100);
        let site = |name: &str, count| {
            let app = std::fs::read(fixture("updraft-c3-1.0.0.bin")).expect("a fixture");
            let mut flash = VirtualFlash::new(FlashSize::Mb4);
            manufacture(&mut flash, &layout::factory_4mb(), &app).expect("a device");
            let mut settings = Settings::new(
                &server.url,
                "proof".parse().expect("a name"),
                "esp32c3".parse().expect("a name"),
            );
            settings.enrolment_key = Some(read("enrolment-key"));
            settings.min_uptime_seconds = 0;
            settings.poll_seconds = u32::try_from(poll.as_secs()).expect("seconds") * SPEED;
            settings.attributes.site = Some(name.to_owned());
            Fleet::start(&FleetPlan {
                flash,
                settings,
                count,
                bootloader_rolls_back: true,
                mqtt: None,
                speed: SPEED,
                spread: poll,
                name_prefix: format!("{name}-"),
                mishaps: MISHAPS,
            })
            .expect("a fleet")
        };
        Self {
            online: [site("a", a), site("b", b)],
            offline: site("c", devices - a - b),
            poll,
            viewer: read("admin-token"),
        }
    }

    /// How every device of the sites that stayed online stands.
    pub(crate) fn online(&self) -> impl Iterator<Item = DeviceStatus> {
        self.online.iter().flat_map(|site| site.status().devices())
    }

    /// How every device stands.
    pub(crate) fn everybody(&self) -> impl Iterator<Item = DeviceStatus> {
        self.online().chain(self.offline.status().devices())
    }

    /// Who fell silent.
    pub(crate) fn silent(&self) -> BTreeSet<String> {
        self.everybody()
            .filter(|device| device.silent)
            .map(|device| device.id)
            .collect()
    }

    /// How often any device was offered a version.
    pub(crate) fn offers_of(&self, version: &str) -> u32 {
        self.everybody()
            .filter_map(|device| device.offers.get(version).copied())
            .sum()
    }

    /// Waits until every device that is heard of has checked in so many times more.
    pub(crate) fn wait_for_polls(&self, polls: u32) {
        let count = || -> Vec<u32> { self.everybody().map(|device| device.check_ins).collect() };
        let silent: Vec<bool> = self.everybody().map(|device| device.silent).collect();
        let before = count();
        let done = |now: &[u32]| {
            let mut devices = before.iter().zip(now).zip(&silent);
            devices.all(|((before, now), silent)| *silent || *now >= before + polls)
        };
        let began = std::time::Instant::now();
        while !done(&count()) {
            assert!(
                began.elapsed() < crate::PATIENCE,
                "somebody no longer checks in"
            );
            std::thread::sleep(crate::LOOK_EVERY);
        }
    }
}

/// Whether a device is of the site that goes offline.
pub(crate) fn is_offline(id: &str) -> bool {
    id.starts_with("c-")
}
