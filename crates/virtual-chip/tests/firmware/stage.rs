//! A server on a free port, and a chip that runs the firmware, its time faster than the host's.

use std::thread::JoinHandle;
use std::time::Duration;

use reqwest::multipart::{Form, Part};
use tempfile::TempDir;
use updraft_agent::config::Setting;
use updraft_flash::nvs::Nvs;
use updraft_flash::partition::layout::{two_slots_4mb, two_slots_8mb};
use updraft_flash::region::Region;
use updraft_protocol::api::{Deployment, DeploymentState, Device};
use updraft_protocol::local::{LocalLog, LocalStatus};
use updraft_server::{Config, Running, Server};
use updraft_virtual_chip::user_network::{Forward, Protocol, UserNetwork};
use updraft_virtual_chip::{ChipFault, ChipHandle, Ended, VirtualChip};
use updraft_virtual_device::bootloader::BootConfig;
use updraft_virtual_device::nor_flash::{FlashSize, Torn, VirtualFlash};

use crate::diary::{Diary, PATIENCE};
use crate::images;

/// The name that the chip's MAC address gives the device.
const DEVICE: &str = "esp32c3-525400123456";

/// A bootloader that gives a new app one boot, and one that knows no trials, as Espressif's comes.
pub(crate) const ROLLS_BACK: BootConfig = BootConfig {
    rollback: true,
    anti_rollback: false,
};
pub(crate) const NO_ROLLBACK: BootConfig = BootConfig {
    rollback: false,
    anti_rollback: false,
};

/// How a stage is set.
#[derive(Clone)]
pub(crate) struct Scene {
    /// The version that the server has from the start.
    pub(crate) offered: Option<&'static str>,
    pub(crate) bootloader: BootConfig,
    /// Million instructions a second of the chip's time. Few make its time go by at little work of the host's.
    pub(crate) mips: u32,
    /// The chip's time runs so much faster than the host's, where the host keeps up.
    pub(crate) speed: f64,
    /// Seconds a new app must be well.
    pub(crate) stability: &'static str,
    /// A board with 8 MB and room for pages, not one with 4 MB.
    pub(crate) has_www: bool,
    /// The flash operation at which the board loses its power, once.
    pub(crate) power_cut_at: Option<u64>,
}

impl Scene {
    /// A board with this bootloader, and a server that offers this version.
    pub(crate) fn offering(version: &'static str, bootloader: BootConfig) -> Scene {
        Scene {
            offered: Some(version),
            ..Scene::without_release(bootloader)
        }
    }

    pub(crate) fn without_release(bootloader: BootConfig) -> Scene {
        Scene {
            offered: None,
            bootloader,
            mips: 10,
            speed: 20.0,
            stability: "10",
            has_www: false,
            power_cut_at: None,
        }
    }
}

/// Everything, running.
pub(crate) struct Stage {
    _folder: TempDir,
    server: Running,
    http: reqwest::Client,
    network: UserNetwork,
    pub(crate) diary: Diary,
    switch: Switch,
    life: Option<JoinHandle<Result<Ended, ChipFault>>>,
}

impl Stage {
    /// A device with 1.0.0 in this scene; `None` where there are no images.
    pub(crate) async fn set(scene: Scene) -> Option<Stage> {
        let app = images::app("1.0.0")?;
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut config = Config::new(folder.path().join("data"));
        config.poll_interval = Some(Duration::from_secs(10));
        let server = Server::start(config).await.expect("the server starts");
        let mut flash = manufacture(&app, &server, &scene);
        if let Some(operation) = scene.power_cut_at {
            flash.cut_power_at(operation, Torn::Half { seed: operation });
        }
        let network = UserNetwork::builder()
            .forward(Forward {
                host: ([127, 0, 0, 1], 0).into(),
                guest_port: 80,
                protocol: Protocol::Tcp,
            })
            .start()
            .expect("the network starts");
        let diary = Diary::default();
        let writer = diary.clone();
        let mut chip = VirtualChip::builder(flash)
            .bootloader(scene.bootloader)
            .ethernet(network.port())
            .mips(scene.mips)
            .speed(scene.speed)
            .observer(move |at, event| writer.write(at, event))
            .build();
        let stage = Stage {
            _folder: folder,
            server,
            http: http_client(),
            network,
            diary,
            switch: Switch(chip.handle()),
            life: Some(std::thread::spawn(move || {
                loop {
                    match chip.run() {
                        Ok(Ended::PowerLost) => chip.power_cycle(),
                        ended => return ended,
                    }
                }
            })),
        };
        if let Some(version) = scene.offered {
            stage.publish(version).await;
        }
        Some(stage)
    }

    /// Publishes a release as an operator does.
    pub(crate) async fn publish(&self, version: &str) {
        let image = images::app(version).expect("all images are built together");
        let form = Form::new()
            .text("device_type", "esp32c3")
            .text("version", version.to_owned())
            .part("binary", Part::bytes(image).file_name("firmware.bin"));
        let url = format!("http://{}/api/firmwares/upload", self.server.local_addr);
        let answer = self
            .http
            .post(url)
            .bearer_auth(self.server.admin_token.reveal())
            .multipart(form)
            .send()
            .await
            .expect("an answer");
        assert!(answer.status().is_success(), "{answer:?}");
    }

    /// Takes the board's power away and gives it back.
    pub(crate) fn cut_power(&self) {
        self.switch.0.power_cycle();
    }

    /// The device's way to a version, once it stands where it is expected.
    pub(crate) async fn deployment(&self, version: &str, state: DeploymentState) -> Deployment {
        let found = async {
            loop {
                let device = self.device().await;
                let mut deployments = device.into_iter().flat_map(|device| device.deployments);
                let expected = |deployment: &Deployment| {
                    deployment.version == version && deployment.state == state
                };
                if let Some(deployment) = deployments.find(expected) {
                    return deployment;
                }
                self.check_alive();
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        match tokio::time::timeout(PATIENCE, found).await {
            Ok(deployment) => deployment,
            Err(tokio::time::error::Elapsed { .. }) => {
                panic!("{version} is not {state:?}: {:#?}", self.device().await)
            }
        }
    }

    /// What the server knows of the device, once it has heard of it.
    pub(crate) async fn device(&self) -> Option<Device> {
        let answer = self
            .http
            .get(format!(
                "http://{}/api/devices/{DEVICE}",
                self.server.local_addr
            ))
            .bearer_auth(self.server.admin_token.reveal())
            .send()
            .await
            .expect("an answer");
        answer
            .status()
            .is_success()
            .then_some(answer)?
            .json()
            .await
            .ok()
    }

    /// What the device says of itself on its own network.
    pub(crate) async fn status(&self) -> LocalStatus {
        let answer = self.http.get(self.page("/api/ota/status")).send().await;
        let answer = answer.expect("the device answers");
        answer.json().await.expect("it is a status")
    }

    /// The device's log.
    pub(crate) async fn log(&self) -> LocalLog {
        let answer = self.http.get(self.page("/api/ota/log")).send().await;
        let answer = answer.expect("the device answers");
        answer.json().await.expect("it is a log")
    }

    /// A page of the device, by the way that leads to it from the host.
    pub(crate) fn page(&self, path: &str) -> String {
        let forwards = self.network.forwards();
        let way = forwards.first().expect("there is a forward").host;
        format!("http://{way}{path}")
    }

    /// A client that is nobody's in particular.
    pub(crate) const fn http(&self) -> &reqwest::Client {
        &self.http
    }

    fn check_alive(&self) {
        let over = self.life.as_ref().is_none_or(JoinHandle::is_finished);
        assert!(!over, "the chip stopped");
    }

    /// Stops everything; the chip must have run until now.
    pub(crate) async fn strike(mut self) {
        self.switch.0.stop();
        let life = self.life.take().expect("it is taken here only");
        let ended = life.join().expect("the chip does not panic");
        assert_eq!(ended.expect("the chip runs"), Ended::Stopped);
        self.server.shutdown().await;
    }
}

/// What stops the chip: at the latest when its stage goes. A test that failed must not leave it running beside others.
struct Switch(ChipHandle);

impl Drop for Switch {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// A client for the server and the device, both of which speak plain HTTP here.
fn http_client() -> reqwest::Client {
    // Built together with the command line, `reqwest` wants a provider of cryptography even so. Twice is no harm.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}

/// A flash as it leaves the factory: partition table, settings, app.
fn manufacture(app: &[u8], server: &Running, scene: &Scene) -> VirtualFlash {
    let (table, size) = if scene.has_www {
        (two_slots_8mb(), FlashSize::Mb8)
    } else {
        (two_slots_4mb(), FlashSize::Mb4)
    };
    let mut flash = VirtualFlash::new(size);
    flash
        .preload(0x8000, &table.to_bytes())
        .expect("the table fits");
    let slot = table.ota(0).expect("there is an ota_0");
    assert!(app.len() <= slot.size as usize, "the app fits");
    flash.preload(slot.offset, app).expect("the app fits");
    let partition = *table.nvs().expect("there is an NVS partition");
    let region =
        Region::new(&mut flash, partition.offset, partition.size).expect("it is on the flash");
    let mut nvs = Nvs::format(region, partition.size).expect("NVS can be formatted");
    let url = format!("http://10.0.2.2:{}", server.local_addr.port());
    for (setting, text) in [
        (Setting::Server, url.as_str()),
        (Setting::EnrolmentKey, server.enrolment_key.reveal()),
        (Setting::PollSeconds, "10"),
        (Setting::MinUptimeSeconds, "2"),
        (Setting::StabilitySeconds, scene.stability),
    ] {
        let value = setting.value(text).expect("the value is as it should be");
        setting.store(&mut nvs, value).expect("there is room");
    }
    flash
}
