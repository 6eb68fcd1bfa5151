//! A server on a free port, and a chip that runs the firmware, its time faster than the host's.

use std::thread::JoinHandle;
use std::time::Duration;

use reqwest::multipart::{Form, Part};
use tempfile::TempDir;
use tokio::sync::watch;
use updraft_agent::config::Setting;
use updraft_flash::nvs::Nvs;
use updraft_flash::partition::layout::two_slots_4mb;
use updraft_flash::region::Region;
use updraft_protocol::api::{Attempt, AttemptState, Device};
use updraft_server::{Config, Running, Server};
use updraft_virtual_chip::user_network::{Forward, Protocol, UserNetwork};
use updraft_virtual_chip::{ChipFault, ChipHandle, Ended, Event, ResetCause, VirtualChip};
use updraft_virtual_device::bootloader::BootConfig;
use updraft_virtual_device::nor_flash::{FlashSize, VirtualFlash};

use crate::images;

/// The chip's time runs so much faster, where the host keeps up.
const SPEED: f64 = 20.0;
/// Longest any step may take. A failed expectation, not a measurement.
const PATIENCE: Duration = Duration::from_mins(5);
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

/// All that happened on the chip.
#[derive(Clone, Default)]
pub(crate) struct Diary {
    lines: watch::Sender<Vec<String>>,
    resets: watch::Sender<Vec<ResetCause>>,
}

impl Diary {
    fn write(&self, at: Duration, event: &Event) {
        match event {
            Event::Line(line) => {
                eprintln!("[{:9.3}] {line}", at.as_secs_f64());
                self.lines.send_modify(|lines| lines.push(line.clone()));
            }
            Event::Reset(cause) => {
                eprintln!("[{:9.3}] -- {cause}", at.as_secs_f64());
                self.resets.send_modify(|resets| resets.push(*cause));
            }
            _ => {}
        }
    }

    pub(crate) fn resets(&self) -> Vec<ResetCause> {
        self.resets.borrow().clone()
    }

    /// Waits until a line holds these words.
    pub(crate) async fn says(&self, words: &str) {
        let mut lines = self.lines.subscribe();
        let written = lines.wait_for(|lines| lines.iter().any(|line| line.contains(words)));
        tokio::time::timeout(PATIENCE, written)
            .await
            .unwrap_or_else(|_| {
                panic!(
                    "the device never said {words:?}: {:#?}",
                    self.lines.borrow()
                )
            })
            .expect("the diary lives");
    }
}

/// Everything, running.
pub(crate) struct Stage {
    _folder: TempDir,
    server: Running,
    http: reqwest::Client,
    network: UserNetwork,
    pub(crate) diary: Diary,
    handle: ChipHandle,
    life: Option<JoinHandle<Result<Ended, ChipFault>>>,
}

impl Stage {
    /// A device with 1.0.0, and a server that has `offered` for it; `None` where there are no
    /// images.
    pub(crate) async fn set(offered: Option<&str>, bootloader: BootConfig) -> Option<Stage> {
        let app = std::fs::read(images::path("1.0.0")?).expect("the image can be read");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut config = Config::new(folder.path().join("data"));
        config.poll_interval = Some(Duration::from_secs(10));
        let server = Server::start(config).await.expect("the server starts");
        let http = reqwest::Client::new();
        if let Some(version) = offered {
            let image = std::fs::read(images::path(version)?).expect("the image can be read");
            publish(&http, &server, version, image).await;
        }
        let flash = manufacture(&app, &server);
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
            .bootloader(bootloader)
            .ethernet(network.port())
            .speed(SPEED)
            .observer(move |at, event| writer.write(at, event))
            .build();
        let handle = chip.handle();
        let life = std::thread::spawn(move || chip.run());
        Some(Stage {
            _folder: folder,
            server,
            http,
            network,
            diary,
            handle,
            life: Some(life),
        })
    }

    /// The device's way to a version, once it stands where it is expected.
    pub(crate) async fn attempt(&self, version: &str, state: AttemptState) -> Attempt {
        let found = async {
            loop {
                let device = self.device().await;
                let mut attempts = device.into_iter().flat_map(|device| device.attempts);
                let expected =
                    |attempt: &Attempt| attempt.version == version && attempt.state == state;
                if let Some(attempt) = attempts.find(expected) {
                    return attempt;
                }
                self.check_alive();
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        match tokio::time::timeout(PATIENCE, found).await {
            Ok(attempt) => attempt,
            Err(tokio::time::error::Elapsed { .. }) => {
                panic!("{version} is not {state:?}: {:#?}", self.device().await)
            }
        }
    }

    /// What the server knows of the device, once it has heard of it.
    async fn device(&self) -> Option<Device> {
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

    /// What the device answers on its own network.
    pub(crate) async fn ask_device(&self, path: &str) -> reqwest::Result<serde_json::Value> {
        let port = self
            .network
            .forwards()
            .first()
            .expect("there is a forward")
            .host;
        let answer = self.http.get(format!("http://{port}{path}")).send().await?;
        answer.error_for_status()?.json().await
    }

    fn check_alive(&self) {
        let over = self.life.as_ref().is_none_or(JoinHandle::is_finished);
        assert!(!over, "the chip stopped");
    }

    /// Stops everything; the chip must have run until now.
    pub(crate) async fn strike(mut self) {
        self.handle.stop();
        let life = self.life.take().expect("it is taken here only");
        let ended = life.join().expect("the chip does not panic");
        assert_eq!(ended.expect("the chip runs"), Ended::Stopped);
        self.server.shutdown().await;
    }
}

/// Publishes a release as an operator does.
async fn publish(http: &reqwest::Client, server: &Running, version: &str, image: Vec<u8>) {
    let form = Form::new()
        .text("device_type", "esp32c3")
        .text("version", version.to_owned())
        .part("binary", Part::bytes(image).file_name("firmware.bin"));
    let answer = http
        .post(format!("http://{}/api/firmwares/upload", server.local_addr))
        .bearer_auth(server.admin_token.reveal())
        .multipart(form)
        .send()
        .await
        .expect("an answer");
    assert!(answer.status().is_success(), "{answer:?}");
}

/// A flash as it leaves the factory: partition table, settings, app.
fn manufacture(app: &[u8], server: &Running) -> VirtualFlash {
    let table = two_slots_4mb();
    let mut flash = VirtualFlash::new(FlashSize::Mb4);
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
        (Setting::StabilitySeconds, "10"),
    ] {
        let value = setting.value(text).expect("the value is as it should be");
        setting.store(&mut nvs, value).expect("there is room");
    }
    flash
}
