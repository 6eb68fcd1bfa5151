//! Seed 003's device, played by an independent client, byte for byte; and its table of failures.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use serde_json::{Value, json};
use tokio::process::Command;

use super::mosquitto::Mosquitto;
use super::scene::{Client, python, state};
use crate::support::images::{c3, sha256};
use crate::support::{TestServer, random_token};

/// The device in Python.
pub struct Device {
    command: Command,
}

impl Device {
    pub fn new(python: &Path, broker: SocketAddr, id: &str, token: &str, version: &str) -> Self {
        let script =
            PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/server/mqtt/seed_003_device.py");
        let mut command = Command::new(python);
        command
            .arg(script)
            .args(["--host", &broker.ip().to_string()])
            .args(["--port", &broker.port().to_string()])
            .args(["--id", id, "--token", token, "--version", version])
            .stdin(Stdio::null())
            .kill_on_drop(true);
        Self { command }
    }

    pub fn with(mut self, arguments: &[&str]) -> Self {
        self.command.args(arguments);
        self
    }

    /// Lives to its end; what happened, by event.
    pub async fn live(mut self) -> Vec<Value> {
        let Output {
            status,
            stdout,
            stderr,
        } = self.command.output().await.unwrap();
        let text = String::from_utf8(stdout).unwrap();
        let events: Vec<Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert!(
            status.success(),
            "{events:#?}\n{}",
            String::from_utf8_lossy(&stderr)
        );
        events
    }
}

pub fn event<'e>(events: &'e [Value], name: &str) -> &'e Value {
    events
        .iter()
        .find(|event| event["event"] == name)
        .unwrap_or_else(|| panic!("no {name} in {events:#?}"))
}

/// A server with a release, a broker, and a device that both know.
struct Scene {
    server: TestServer,
    broker: Mosquitto,
    token: String,
}

impl Scene {
    async fn with_release(version: &str) -> Option<Self> {
        let token = random_token();
        let broker = Mosquitto::start(&[("beacon-17", &token)])?;
        let server = broker.server().await;
        server.enrol("beacon-17", "esp32c3").await;
        server.publish("esp32c3", &c3(version)).await;
        Some(Self {
            server,
            broker,
            token,
        })
    }

    /// The device, connected and waiting for its orders.
    async fn device(&self) -> Client {
        Client::device(self.broker.plain, "beacon-17", &self.token).await
    }
}

#[tokio::test]
async fn seed_003_s_own_device_updates_byte_for_byte() {
    let Some(python) = python() else { return };
    let Some(scene) = Scene::with_release("1.1.0").await else {
        return;
    };
    let server = &scene.server;
    let device = Device::new(
        &python,
        scene.broker.plain,
        "beacon-17",
        &scene.token,
        "1.0.0",
    );
    let events = device.with(&["--new-version", "1.1.0"]).live().await;
    assert_eq!(event(&events, "subscribed")["granted"], json!([1]));
    let order = event(&events, "ordered");
    assert_eq!(order["topic"], "devices/beacon-17/ota");
    assert_eq!(order["retained"], false);
    let url = order["payload"].as_str().unwrap();
    assert!(url.starts_with(&server.url("/d/beacon-17/")), "{url}");
    let fetched = event(&events, "fetched");
    assert_eq!(fetched["status"], 200);
    assert_eq!(fetched["sha256"], sha256(&c3("1.1.0")));
    assert!(fetched["target_length"].as_u64().unwrap() < 128);
    assert_eq!(event(&events, "end")["told_again"], 0);
    let device = server
        .device_until("beacon-17", |device| device["version"] == "1.1.0")
        .await;
    // Nobody has shown the new app's own hash: a claim, which is not offered again.
    assert_eq!(state(&device), "downloaded");
    assert_eq!(server.check_update("beacon-17").await["sent"], "nothing");
}

#[tokio::test]
async fn seed_003_device_offline_ota_not_triggered_and_triggered_when_it_returns() {
    let Some(scene) = Scene::with_release("1.1.0").await else {
        return;
    };
    let server = &scene.server;
    let mut device = scene.device().await;
    device.say("devices/beacon-17/version", "1.1.0").await;
    server
        .device_until("beacon-17", |device| device["version"] == "1.1.0")
        .await;
    assert_eq!(device.heard(), None);
    device.cut();
    server.until_there("beacon-17", false).await;
    // Offline: not triggered.
    server.publish("esp32c3", &c3("1.2.0")).await;
    let asked = server.check_update("beacon-17").await;
    assert_eq!(asked["sent"], "waits");
    assert_eq!(asked["offer"], "1.2.0");
    // Superseded while it was away: it gets the newest only.
    server.publish("esp32c3", &c3("1.3.0")).await;
    // It returns.
    let mut device = scene.device().await;
    device.say("devices/beacon-17/version", "1.1.0").await;
    let (_, url) = device.hear().await;
    let image = server.http.get(url).send().await.unwrap();
    assert_eq!(image.status(), 200, "its URL is a fresh one");
    assert_eq!(image.headers()["x-firmware-version"], "1.3.0");
    assert_eq!(device.heard(), None);
}

#[tokio::test]
async fn seed_003_a_device_that_returns_without_a_word_is_told_by_what_it_ran_last() {
    let Some(scene) = Scene::with_release("1.1.0").await else {
        return;
    };
    let server = &scene.server;
    // It said over HTTP what it runs.
    let body = json!({ "device_type": "esp32c3", "version": "1.0.0" });
    let response = server.post("/api/devices/beacon-17/check-in", &body).await;
    assert_eq!(response.status(), 200);
    let mut device = scene.device().await;
    device.say("devices/beacon-17/presence", "online").await;
    let (_, url) = device.hear().await;
    assert!(url.contains("/d/beacon-17/"), "{url}");
}

#[tokio::test]
async fn seed_003_network_loss_ota_fails_and_the_old_firmware_stays() {
    let Some(python) = python() else { return };
    let Some(scene) = Scene::with_release("1.1.0").await else {
        return;
    };
    let server = &scene.server;
    let device = Device::new(
        &python,
        scene.broker.plain,
        "beacon-17",
        &scene.token,
        "1.0.0",
    );
    let events = device.with(&["--cut", "65536"]).live().await;
    assert_eq!(event(&events, "fetched")["read"], 65536);
    let device = server
        .device_until("beacon-17", |device| state(device) == "failed")
        .await;
    assert_eq!(device["version"], "1.0.0");
    assert_eq!(device["deployments"][0]["failures"], 1);
    // The network is back: it is told anew, with a URL that works.
    let device = Device::new(
        &python,
        scene.broker.plain,
        "beacon-17",
        &scene.token,
        "1.0.0",
    );
    let events = device.with(&["--new-version", "1.1.0"]).live().await;
    assert_eq!(event(&events, "fetched")["status"], 200);
    server
        .device_until("beacon-17", |device| device["version"] == "1.1.0")
        .await;
}

#[tokio::test]
async fn seed_003_power_failure_shows_as_the_old_version_and_it_is_told_anew() {
    let Some(scene) = Scene::with_release("1.1.0").await else {
        return;
    };
    let server = &scene.server;
    let mut device = scene.device().await;
    device.say("devices/beacon-17/version", "1.0.0").await;
    device.hear().await;
    device.say("devices/beacon-17/ota/status", "STARTED").await;
    server
        .device_until("beacon-17", |device| state(device) == "downloading")
        .await;
    device.cut();
    server.until_there("beacon-17", false).await;
    // Its bootloader has started what ran before.
    let mut device = scene.device().await;
    device.say("devices/beacon-17/version", "1.0.0").await;
    let (_, url) = device.hear().await;
    assert!(url.contains("/d/beacon-17/"), "{url}");
}

#[tokio::test]
async fn seed_003_bad_firmware_is_blocked() {
    let Some(scene) = Scene::with_release("1.1.0").await else {
        return;
    };
    let server = &scene.server;
    let release = server.json("/api/releases").await["releases"][0]["id"].clone();
    let mut device = scene.device().await;
    device.say("devices/beacon-17/version", "1.0.0").await;
    let (_, url) = device.hear().await;
    let path = format!("/api/releases/{}/block", release.as_str().unwrap());
    let response = server
        .post(&path, &json!({ "reason": "Boot loop after OTA" }))
        .await;
    assert_eq!(response.status(), 200);
    // Who was told already gets nothing more of it.
    let gone = server.http.get(url).send().await.unwrap();
    assert_eq!(gone.status(), 410);
    device.say("devices/beacon-17/ota/status", "FAILED").await;
    device.say("devices/beacon-17/version", "1.0.0").await;
    let asked = server.check_update("beacon-17").await;
    assert_eq!(asked["sent"], "nothing");
    let reasons = asked["reasons"].to_string();
    assert!(reasons.contains("Boot loop after OTA"), "{reasons}");
    server
        .device_until("beacon-17", |device| state(device) == "failed")
        .await;
    assert_eq!(device.heard(), None);
}
