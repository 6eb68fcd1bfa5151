//! A relay beside its primary: real servers, real devices' requests, and a link that can be cut or lied on.

mod artifacts;
mod away;
mod devices;
mod kept;
mod link;
mod nodes;
mod pull;
mod stops;
mod trust;

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use updraft_server::{Clock, Config, DeviceAuth, RelayConfig};

use crate::fleet::BEGIN;
use crate::support::images::{c3, elf_sha256};
use crate::support::{TestServer, start_in};
use link::Link;

/// Longest wait for what takes a moment; the machine may be busy.
const PATIENCE: Duration = Duration::from_mins(1);

/// How often the relay asks in tests.
const POLL: Duration = Duration::from_millis(100);

/// A primary, a relay, and the link between.
pub struct Site {
    pub primary: TestServer,
    pub relay: TestServer,
    pub link: Link,
    pub clock: Clock,
    pub token: String,
    place: Option<String>,
}

/// What a relay is started with.
fn relaying<'a>(
    clock: &Clock,
    config: RelayConfig,
    tune: impl FnOnce(&mut Config) + 'a,
) -> impl FnOnce(&mut Config) + 'a {
    let clock = clock.clone();
    move |server| {
        server.clock = clock;
        server.device_auth = DeviceAuth::Open;
        server.relay = Some(config);
        tune(server);
    }
}

fn at_primary(clock: &Clock, port: u16) -> impl FnOnce(&mut Config) + use<> {
    let clock = clock.clone();
    move |config| {
        config.clock = clock;
        config.device_auth = DeviceAuth::Open;
        config.listen.set_port(port);
    }
}

impl Site {
    /// 1.0.0 is stable and 1.1.0 in testing at the primary; the relay has a snapshot.
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub async fn start_with(tune: impl FnOnce(&mut RelayConfig)) -> Self {
        let clock = Clock::manual(BEGIN);
        let primary = start_in(TempDir::new().unwrap(), at_primary(&clock, 0)).await;
        primary.publish("esp32c3", &c3("1.0.0")).await;
        let testing = [("device_type", "esp32c3"), ("status", "testing")];
        primary.publish_as(&testing, &c3("1.1.0")).await;
        let token = primary.token("relay").await;
        let link = Link::to(primary.running.as_ref().unwrap().local_addr).await;
        let mut config = RelayConfig::new(link.url(), &token);
        config.poll = POLL;
        tune(&mut config);
        let place = config.site.clone();
        let tune = relaying(&clock, config, |_| {});
        let relay = start_in(TempDir::new().unwrap(), tune).await;
        let site = Self {
            primary,
            relay,
            link,
            clock,
            token,
            place,
        };
        site.caught_up().await;
        site
    }

    /// The relay's settings as [`Site::start`] has them.
    pub fn config(&self) -> RelayConfig {
        let mut config = RelayConfig::new(self.link.url(), &self.token);
        config.poll = POLL;
        config
    }

    /// Stops the relay and starts it on the same files.
    pub async fn restart_relay(
        mut self,
        config: RelayConfig,
        tune: impl FnOnce(&mut Config),
    ) -> Self {
        let tune = relaying(&self.clock, config, tune);
        self.relay = self.relay.restart(tune).await;
        self
    }

    /// Ends the primary; what it keeps is `Away`'s.
    pub async fn without_primary(mut self) -> (Self, u16) {
        let running = self.primary.running.take().unwrap();
        let port = running.local_addr.port();
        assert!(running.shutdown().await);
        (self, port)
    }

    /// Starts the primary again where it was.
    pub async fn with_primary_back(mut self, port: u16) -> Self {
        let dir = std::mem::replace(&mut self.primary.dir, TempDir::new().unwrap());
        self.primary = start_in(dir, at_primary(&self.clock, port)).await;
        self
    }

    /// What `/healthz` says of the relay.
    pub async fn health(&self) -> Value {
        self.relay.json("/healthz").await["relay"].clone()
    }

    /// Waits until the relay has a snapshot that was made after this call, and has told everything.
    pub async fn caught_up(&self) {
        // A release's description is in every snapshot, and nobody looks at it.
        let releases = self.primary.json("/api/releases").await;
        let id = releases["releases"][0]["id"].as_str().unwrap().to_owned();
        let mark = crate::support::random_token();
        let path = format!("/api/releases/{id}");
        let answer = self
            .primary
            .patch(&path, &json!({ "description": mark }))
            .await;
        assert_eq!(answer.status(), 200);
        let path = match &self.place {
            Some(place) => format!("/api/relay/snapshot?site={place}"),
            None => "/api/relay/snapshot".to_owned(),
        };
        let snapshot = self.primary.get(&path).await;
        let snapshot = snapshot.text().await.unwrap();
        let payload: Value = serde_json::from_str(snapshot.split_once('\n').unwrap().1).unwrap();
        let wanted = payload["head"]["revision"].as_i64().unwrap();
        until("the snapshot", async || {
            let health = self.health().await;
            health["snapshot"]["revision"].as_i64() >= Some(wanted) && health["words_waiting"] == 0
        })
        .await;
    }

    /// Drafts and starts a rollout of 1.1.0 to everybody; its id.
    pub async fn roll_out(&self, mut plan: Value) -> String {
        if plan.get("stages").is_none() {
            plan["stages"] = json!([{ "size": { "share_bp": 10_000 } }]);
        }
        let body = json!({ "device_type": "esp32c3", "version": "1.1.0", "plan": plan });
        let drafted = self.primary.post("/api/rollouts", &body).await;
        let rollout: Value = drafted.json().await.unwrap();
        let id = rollout["id"].as_str().unwrap().to_owned();
        self.act(&id, "start", json!({})).await;
        id
    }

    pub async fn act(&self, id: &str, verb: &str, body: Value) {
        let path = format!("/api/rollouts/{id}/{verb}");
        let answer = self.primary.post(&path, &body).await;
        assert_eq!(answer.status(), 200, "{verb}");
    }

    pub async fn rollout(&self, id: &str) -> Value {
        self.primary.json(&format!("/api/rollouts/{id}")).await
    }

    /// Waits until the primary's rollout is so.
    pub async fn until_rollout(&self, id: &str, what: &str, so: impl Fn(&Value) -> bool) {
        until(what, async || so(&self.rollout(id).await)).await;
    }
}

/// Waits until it is so.
pub async fn until(what: &str, so: impl AsyncFn() -> bool) {
    let waiting = async {
        while !so().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let came = tokio::time::timeout(PATIENCE, waiting).await;
    assert!(came.is_ok(), "{what} does not come");
}

/// A device that runs this version asks; the version it is offered, if any.
pub async fn ask(server: &TestServer, id: &str, version: &str) -> Option<String> {
    let body = json!({
        "device_type": "esp32c3", "version": version, "elf_sha256": elf_sha256(&c3(version)), "state": "valid",
    });
    let path = format!("/api/devices/{id}/check-in");
    let response = server.post(&path, &body).await;
    let status = response.status();
    let reply: Value = response.json().await.unwrap();
    assert_eq!(status, 200, "{reply}");
    reply["offer"]["version"].as_str().map(str::to_owned)
}

/// A device says how its update to 1.1.0 goes, as seed 004's beacons do.
pub async fn report(server: &TestServer, id: &str, status: &str) {
    let body = json!({ "firmware_version": "1.1.0", "update_status": status });
    let path = format!("/api/beacons/{id}/ota_status");
    let response = server.post(&path, &body).await;
    assert_eq!(response.status(), 200);
}

/// The state of a device's latest deployment.
pub async fn state(server: &TestServer, id: &str) -> Option<String> {
    let response = server.get(&format!("/api/devices/{id}")).await;
    if response.status() != 200 {
        return None;
    }
    let device: Value = response.json().await.unwrap();
    let state = device["deployments"][0]["state"].as_str();
    state.map(str::to_owned)
}

/// What `device why` prints.
pub async fn why(server: &TestServer, id: &str) -> String {
    let why = server.json(&format!("/api/devices/{id}/why")).await;
    why["reasons"].to_string()
}

/// A file of a release, as a device downloads it.
pub async fn download(server: &TestServer, release_id: &str) -> (u16, Vec<u8>) {
    let path = format!("/firmwares/{release_id}/download");
    let response = server.bare(Method::GET, &path).send().await.unwrap();
    let status = response.status().as_u16();
    (status, response.bytes().await.unwrap().to_vec())
}

/// A release's id.
pub async fn release_id(server: &TestServer, version: &str) -> String {
    let releases = server.json("/api/releases").await;
    let mut all = releases["releases"].as_array().unwrap().iter();
    let found = all.find(|release| release["version"] == version);
    found.unwrap()["id"].as_str().unwrap().to_owned()
}
