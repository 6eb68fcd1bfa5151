//! A server on a free port, an operator, and a device whose time runs fast.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use reqwest::StatusCode;
use reqwest::multipart::{Form, Part};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::watch;
use updraft_agent::{Event, Settings};
use updraft_flash::partition::layout;
use updraft_protocol::api::{Deployment, DeploymentState, Device};
use updraft_server::{Broker, Config, Embedded, Mqtt, Running, Server};
use updraft_virtual_device::device::{VirtualDevice, manufacture};
use updraft_virtual_device::event::{DeviceEvent, Observer};
use updraft_virtual_device::nor_flash::{FlashSize, VirtualFlash};

/// The devices' time runs this much faster: a trial of 30 s takes 0.6 s.
const SPEED: u32 = 50;

/// Longest any step may take. A failed expectation, not a measurement.
const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) fn image_path(version: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fixtures/firmware")
        .join(format!("updraft-c3-{version}.bin"))
}

pub(crate) fn image(version: &str) -> Vec<u8> {
    std::fs::read(image_path(version)).expect("a fixture")
}

/// A server, and an operator with its token.
pub(crate) struct Scene {
    folder: TempDir,
    pub(crate) server: Running,
    http: reqwest::Client,
}

impl Scene {
    pub(crate) async fn new() -> Self {
        // Twice is no harm: every test of this binary comes by here.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let server = Self::serve(&folder, 0).await;
        Self {
            folder,
            server,
            http: reqwest::Client::new(),
        }
    }

    /// With an MQTT broker, and devices that are told to ask once a day.
    pub(crate) async fn with_broker(url: &str) -> Self {
        Self::with_mqtt(Mqtt::Broker(Broker {
            url: url.to_owned(),
            password: None,
            ca_file: None,
            group: None,
        }))
        .await
    }

    /// The same with the broker inside the server; its URL.
    pub(crate) async fn with_embedded_broker() -> (Self, String) {
        let listen = ([127, 0, 0, 1], 0).into();
        let scene = Self::with_mqtt(Mqtt::Embedded(Embedded { listen })).await;
        let address = scene.server.mqtt_addr.expect("a broker");
        (scene, format!("mqtt://{address}"))
    }

    async fn with_mqtt(mqtt: Mqtt) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut config = Config::new(folder.path().join("data"));
        config.poll_interval = Some(Duration::from_hours(24));
        config.mqtt = mqtt;
        let server = Server::start(config).await.expect("the server starts");
        let scene = Self {
            folder,
            server,
            http: reqwest::Client::new(),
        };
        let connected = async {
            while scene.get("/healthz").await["mqtt"] != "connected" {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, connected)
            .await
            .expect("the server is at the broker");
        scene
    }

    async fn serve(folder: &TempDir, port: u16) -> Running {
        let mut config = Config::new(folder.path().join("data"));
        config.listen = ([127, 0, 0, 1], port).into();
        config.poll_interval = Some(Duration::from_secs(30));
        Server::start(config).await.expect("the server starts")
    }

    /// Stops the server; whatever it was sending is cut off after its own limit.
    pub(crate) async fn restart(self, while_down: impl Future<Output = ()>) -> Self {
        let port = self.server.local_addr.port();
        self.server.shutdown().await;
        while_down.await;
        let server = Self::serve(&self.folder, port).await;
        Self { server, ..self }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.server.local_addr)
    }

    pub(crate) async fn publish(&self, version: &str) {
        let form = Form::new()
            .text("device_type", "esp32c3")
            .text("version", version.to_owned())
            .part(
                "binary",
                Part::bytes(image(version)).file_name("firmware.bin"),
            );
        let answer = self
            .http
            .post(self.url("/api/firmwares/upload"))
            .bearer_auth(self.server.admin_token.reveal())
            .multipart(form)
            .send()
            .await
            .expect("an answer");
        let status = answer.status();
        let body = answer.text().await.expect("a body");
        assert_eq!(status, StatusCode::CREATED, "{body}");
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        self.http
            .get(self.url(path))
            .bearer_auth(self.server.admin_token.reveal())
            .send()
            .await
            .expect("an answer")
            .error_for_status()
            .expect("success")
            .json()
            .await
            .expect("JSON")
    }

    pub(crate) async fn text(&self, path: &str) -> String {
        let answer = self
            .http
            .get(self.url(path))
            .send()
            .await
            .expect("an answer");
        answer.text().await.expect("text")
    }

    pub(crate) async fn post(&self, path: &str, body: Value) {
        self.http
            .post(self.url(path))
            .bearer_auth(self.server.admin_token.reveal())
            .json(&body)
            .send()
            .await
            .expect("an answer")
            .error_for_status()
            .expect("success");
    }

    /// Issues a token of this role.
    pub(crate) async fn token(&self, role: &str) -> String {
        let answer = self
            .http
            .post(self.url("/api/tokens"))
            .bearer_auth(self.server.admin_token.reveal())
            .json(&serde_json::json!({ "name": format!("a {role}"), "role": role }))
            .send()
            .await
            .expect("an answer");
        let issued: Value = answer.json().await.expect("JSON");
        issued["secret"].as_str().expect("a secret").to_owned()
    }

    pub(crate) async fn device(&self, id: &str) -> Device {
        self.find_device(id)
            .await
            .expect("the server knows the device")
    }

    /// The device, once it has been heard of.
    async fn find_device(&self, id: &str) -> Option<Device> {
        let answer = self
            .http
            .get(self.url(&format!("/api/devices/{id}")))
            .bearer_auth(self.server.admin_token.reveal())
            .send()
            .await
            .expect("an answer");
        if answer.status() == StatusCode::NOT_FOUND {
            return None;
        }
        Some(answer.json().await.expect("a device"))
    }

    /// The device's way to a version, once it stands where it is expected.
    pub(crate) async fn deployment(
        &self,
        id: &str,
        version: &str,
        state: DeploymentState,
    ) -> Deployment {
        let found = async {
            loop {
                let deployments = self.find_device(id).await.map(|device| device.deployments);
                let mut deployments = deployments.unwrap_or_default().into_iter();
                if let Some(deployment) =
                    deployments.find(|deployment| deployment.version == version)
                    && deployment.state == state
                {
                    return deployment;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        match tokio::time::timeout(PATIENCE, found).await {
            Ok(deployment) => deployment,
            Err(tokio::time::error::Elapsed { .. }) => {
                panic!("{version} is not {state:?}: {:#?}", self.device(id).await)
            }
        }
    }

    /// A new device running 1.0.0 that knows this server and the fleet's key.
    pub(crate) fn new_device(&self, id: &str) -> (VirtualDevice, Arc<Diary>) {
        let mut flash = VirtualFlash::new(FlashSize::Mb4);
        manufacture(&mut flash, &layout::factory_4mb(), &image("1.0.0")).expect("it fits");
        self.device_with(id, flash)
    }

    /// The same, which knows another server's address.
    pub(crate) fn new_device_at(&self, id: &str, url: &str) -> (VirtualDevice, Arc<Diary>) {
        let (mut device, diary) = self.new_device(id);
        device.settings.server = Some(url.to_owned());
        (device, diary)
    }

    /// A device with this flash.
    pub(crate) fn device_with(&self, id: &str, flash: VirtualFlash) -> (VirtualDevice, Arc<Diary>) {
        let mut settings = Settings::new(
            self.url(""),
            id.parse().expect("a name"),
            "esp32c3".parse().expect("a name"),
        );
        settings.enrolment_key = Some(self.server.enrolment_key.reveal().to_owned());
        settings.min_uptime_seconds = 1;
        settings.poll_seconds = 30;
        let mut device = VirtualDevice::new(flash, settings);
        device.speed = SPEED;
        let diary = Arc::new(Diary::default());
        device.observer = Arc::clone(&diary) as Arc<dyn Observer>;
        (device, diary)
    }
}

/// All that happened on a device, in words.
#[derive(Default)]
pub(crate) struct Diary {
    lines: watch::Sender<Vec<String>>,
    received: watch::Sender<u32>,
}

impl Observer for Diary {
    fn event(&self, event: &DeviceEvent<'_>) {
        self.lines
            .send_modify(|lines| lines.push(event.to_string()));
        if let DeviceEvent::Updater(Event::Progress { received, .. }) = event {
            self.received.send_replace(*received);
        }
    }
}

fn count(lines: &[String], words: &str) -> usize {
    lines.iter().filter(|line| line.contains(words)).count()
}

impl Diary {
    pub(crate) fn says(&self, words: &str) -> bool {
        self.count(words) > 0
    }

    pub(crate) fn count(&self, words: &str) -> usize {
        count(&self.lines.borrow(), words)
    }

    /// Waits until the words were written so many times.
    pub(crate) async fn said(&self, words: &str, times: usize) {
        let mut lines = self.lines.subscribe();
        let written = lines.wait_for(|lines| count(lines, words) >= times);
        tokio::time::timeout(PATIENCE, written)
            .await
            .unwrap_or_else(|_| panic!("the device never said {words:?} {times} times"))
            .expect("the diary lives");
    }

    /// Waits until so many bytes of an image are in flash.
    pub(crate) async fn received(&self, bytes: u32) {
        let mut received = self.received.subscribe();
        tokio::time::timeout(PATIENCE, received.wait_for(|received| *received >= bytes))
            .await
            .expect("the download moves")
            .expect("the diary lives");
    }
}

/// Lets the device live while `work` goes on, and cuts its power when that is done.
pub(crate) async fn living<T>(device: &mut VirtualDevice, work: impl Future<Output = T>) -> T {
    // A device's life is some 16 KiB of state, too much to carry about in every test's own.
    let (life, work) = (Box::pin(device.run()), Box::pin(work));
    tokio::select! {
        error = life => panic!("the device stopped: {error}"),
        done = work => done,
    }
}
