//! What the demo plays on: a server, a fleet, and a folder for both.

use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;
use updraft_agent::Settings;
use updraft_flash::partition::layout;
use updraft_protocol::DeviceTypeName;
use updraft_protocol::api::{DeviceList, FleetCounts};
use updraft_server::{Config, Running, Server};
use updraft_virtual_device::device::manufacture;
use updraft_virtual_device::fleet::{Fleet, FleetPlan, Mishaps};
use updraft_virtual_device::nor_flash::{FlashSize, VirtualFlash};

use crate::api::Client;
use crate::demo_firmware::HEALTHY_1_0_0;
use crate::error::Failure;
use crate::exit::Exit;
use crate::settings::Secret;

/// The demo's device type.
pub(crate) const DEVICE_TYPE: &str = "esp32c3";

/// Seconds of the devices' time between check-ins: short enough to watch, long enough to see them trickle.
const POLL_SECONDS: u32 = 30;

/// Seconds of the devices' time from power-on to the first check-in.
const MIN_UPTIME_SECONDS: u32 = 5;

/// The device type as a name.
pub(crate) fn device_type() -> Result<DeviceTypeName, Failure> {
    DEVICE_TYPE
        .parse()
        .map_err(|error| cannot("a name", &error))
}

/// Everything the demo needs.
pub(crate) struct Stage {
    folder: TempDir,
    server: Running,
    /// The operator's client.
    pub(crate) client: Client,
    /// The fleet.
    pub(crate) fleet: Fleet,
    /// How many devices there are.
    pub(crate) devices: usize,
}

fn cannot(what: &str, error: &dyn std::fmt::Display) -> Failure {
    Failure::new(Exit::Unexpected, "demo", format!("{what}: {error}"))
}

impl Stage {
    /// Starts a server on loopback and powers on a fleet of virtual devices running 1.0.0.
    pub(crate) async fn set(devices: usize, speed: u32) -> Result<Self, Failure> {
        let folder = tempfile::Builder::new()
            .prefix("updraft-demo-")
            .tempdir()
            .map_err(|error| cannot("no temporary folder", &error))?;
        let mut config = Config::new(folder.path().join("data"));
        config.poll_interval = Some(Duration::from_secs(POLL_SECONDS.into()));
        let server = Server::start(config)
            .await
            .map_err(|error| cannot("the server does not start", &error))?;
        let url = format!("http://{}", server.local_addr);
        let token = Secret::new(server.admin_token.reveal())?;
        let client = Client::new(&url, Some(token))?;

        let mut flash = VirtualFlash::new(FlashSize::Mb4);
        manufacture(&mut flash, &layout::factory_4mb(), HEALTHY_1_0_0)
            .map_err(|error| cannot("no virtual device can be made", &error))?;
        let named = |error| cannot("a name", &error);
        let mut settings = Settings::new(url, "virtual".parse().map_err(named)?, device_type()?);
        settings.enrolment_key = Some(server.enrolment_key.reveal().to_owned());
        settings.poll_seconds = POLL_SECONDS;
        settings.min_uptime_seconds = MIN_UPTIME_SECONDS;
        let fleet = Fleet::start(&FleetPlan {
            flash,
            settings,
            count: devices,
            bootloader_rolls_back: true,
            mqtt: None,
            speed,
            spread: Duration::from_secs(2),
            name_prefix: "virtual-".to_owned(),
            mishaps: Mishaps::default(),
        })
        .map_err(|error| cannot("the fleet", &error))?;
        Ok(Self {
            folder,
            server,
            client,
            fleet,
            devices,
        })
    }

    /// Writes an image into the folder, to be published from there.
    pub(crate) fn image(&self, version: &str, bytes: &[u8]) -> Result<PathBuf, Failure> {
        let path = self.folder.path().join(format!("updraft-c3-{version}.bin"));
        std::fs::write(&path, bytes).map_err(|error| cannot("the image", &error))?;
        Ok(path)
    }

    /// How the fleet stands, in the server's words.
    pub(crate) async fn counts(&self) -> Result<FleetCounts, Failure> {
        Ok(self.client.get(&["api", "fleet", DEVICE_TYPE], &[]).await?)
    }

    /// Why the first device of the list came back from `version`, in its own words.
    pub(crate) async fn failure_of(&self, version: &str) -> Result<Option<String>, Failure> {
        let list: DeviceList = self
            .client
            .get(
                &["api", "devices"],
                &[("limit", "1"), ("state", "rolled_back")],
            )
            .await?;
        Ok(list
            .devices
            .into_iter()
            .flat_map(|device| device.deployments)
            .find(|deployment| deployment.version == version)
            .and_then(|deployment| deployment.detail))
    }

    /// The server's address.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.server.local_addr)
    }

    /// Where the admin's token lies.
    pub(crate) fn token_file(&self) -> PathBuf {
        self.folder.path().join("data").join("admin-token")
    }

    /// Cuts the devices' power and stops the server.
    pub(crate) async fn clear(self) {
        self.fleet.power_off().await;
        self.server.shutdown().await;
    }
}
