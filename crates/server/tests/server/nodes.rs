//! Several servers over one database and one folder of files: what one acknowledges, all know within a moment.

use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use updraft_server::{Config, DeviceAuth, SecretSource, Server};

use crate::events::Follower;
use crate::support::images::{c3, elf_sha256};
use crate::support::{TestServer, client, random_token, refusal};
use crate::test_database::TestDatabase;
use crate::webhooks::receiver::Receiver;

/// Longest wait for what takes a moment; far more than the second it may take, as the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(30);

/// Three nodes.
pub struct Nodes {
    pub all: Vec<TestServer>,
    shared: TempDir,
    pub database: TestDatabase,
}

impl Nodes {
    pub async fn start() -> Option<Self> {
        let mut nodes = Self {
            all: Vec::new(),
            shared: TempDir::new().unwrap(),
            database: TestDatabase::create().await?,
        };
        for _ in 0..3 {
            let node = nodes.another().await;
            nodes.all.push(node);
        }
        Some(nodes)
    }

    /// One more node. The first one's secrets are every node's.
    pub async fn another(&self) -> TestServer {
        let dir = TempDir::new().unwrap();
        let data = dir.path().join("data");
        share_files(self.shared.path(), &data);
        let mut config = Config::new(data);
        config.database = Some(self.database.url().parse().unwrap());
        config.device_auth = DeviceAuth::Open;
        let running = Server::start(config).await.unwrap();
        let first = self.all.first();
        let admin = first.map_or(running.admin_token.reveal(), |first| &first.admin);
        let key = first.map_or(running.enrolment_key.reveal(), |first| &first.key);
        TestServer {
            base: format!("http://{}", running.local_addr),
            admin: admin.to_owned(),
            key: key.to_owned(),
            http: client(),
            running: Some(running),
            dir,
        }
    }

    pub fn three(&self) -> [&TestServer; 3] {
        [&self.all[0], &self.all[1], &self.all[2]]
    }

    /// Stops the first node.
    async fn stop_one(mut self) -> Self {
        let mut first = self.all.remove(0);
        assert!(first.running.take().unwrap().shutdown().await);
        self
    }

    pub async fn stop(self) {
        for mut node in self.all {
            assert!(node.running.take().unwrap().shutdown().await);
        }
    }
}

/// Makes the folder of release files one for all, as a mount would.
pub fn share_files(shared: &Path, data: &Path) {
    let folder: PathBuf = shared.join("artifacts");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::create_dir_all(data).unwrap();
    std::os::unix::fs::symlink(folder, data.join("artifacts")).unwrap();
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

pub async fn check_in(node: &TestServer, id: &str, mut words: Value) -> Value {
    words["device_type"] = json!("esp32c3");
    let path = format!("/api/devices/{id}/check-in");
    let response = node.post(&path, &words).await;
    assert_eq!(response.status(), StatusCode::OK);
    response.json().await.unwrap()
}

pub async fn report(node: &TestServer, id: &str, status: &str, elf: Option<&str>) {
    let path = format!("/api/devices/{id}/reports");
    let body = json!({ "firmware_version": "1.1.0", "update_status": status, "elf_sha256": elf });
    let response = node.post(&path, &body).await;
    assert_eq!(response.status(), StatusCode::OK);
}

/// The state of a device's latest deployment, as this node knows it.
pub async fn state(node: &TestServer, id: &str) -> Option<String> {
    let response = node.get(&format!("/api/devices/{id}")).await;
    if response.status() != StatusCode::OK {
        return None;
    }
    let device: Value = response.json().await.unwrap();
    device["deployments"][0]["state"]
        .as_str()
        .map(str::to_owned)
}

#[tokio::test]
async fn a_release_published_on_one_node_is_offered_by_all_and_blocked_by_all() {
    let Some(nodes) = Nodes::start().await else {
        return;
    };
    let [a, b, c] = nodes.three();
    a.publish("esp32c3", &c3("1.0.0")).await;
    let release = a.publish("esp32c3", &c3("1.1.0")).await;
    let id = release["firmware_id"].as_str().or(release["id"].as_str());
    let id = id.unwrap().to_owned();
    for (node, device) in [(b, "at-b"), (c, "at-c")] {
        until("the offer", async || {
            let answer = check_in(node, device, json!({ "version": "1.0.0" })).await;
            answer["offer"]["version"] == "1.1.0"
        })
        .await;
        let path = format!("/firmwares/{id}/download");
        let bytes = node.get(&path).await.bytes().await.unwrap();
        assert_eq!(bytes, c3("1.1.0"));
    }
    let path = format!("/api/releases/{id}/block");
    let blocked = b.post(&path, &json!({ "reason": "it smokes" })).await;
    assert_eq!(blocked.status(), StatusCode::OK);
    for (node, device) in [(a, "late-a"), (c, "late-c")] {
        until("the block", async || {
            let answer = check_in(node, device, json!({ "version": "1.0.0" })).await;
            answer["offer"].is_null()
        })
        .await;
    }
    nodes.stop().await;
}

#[tokio::test]
async fn a_device_may_talk_to_another_node_each_time() {
    let Some(nodes) = Nodes::start().await else {
        return;
    };
    let [a, b, c] = nodes.three();
    a.publish("esp32c3", &c3("1.0.0")).await;
    a.publish("esp32c3", &c3("1.1.0")).await;
    check_in(a, "d", json!({ "version": "1.0.0" })).await;
    until("the release", async || {
        b.json("/api/releases").await["releases"]
            .as_array()
            .is_some_and(|releases| releases.len() == 2)
    })
    .await;
    report(b, "d", "downloading", None).await;
    until("the report", async || {
        state(c, "d").await.as_deref() == Some("downloading")
    })
    .await;
    let elf = elf_sha256(&c3("1.1.0"));
    report(c, "d", "confirmed", Some(&elf)).await;
    // Late and out of order, to nodes that may not know of the confirmation yet.
    report(a, "d", "downloaded", None).await;
    report(b, "d", "rebooting", None).await;
    for node in nodes.three() {
        until("the outcome", async || {
            state(node, "d").await.as_deref() == Some("confirmed")
        })
        .await;
    }
    nodes.stop().await;
}

/// However nodes race with reports on one device, nothing acknowledged is undone.
#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_hear_of_one_device_at_once_lose_no_outcome() {
    let Some(nodes) = Nodes::start().await else {
        return;
    };
    let [a, b, c] = nodes.three();
    a.publish("esp32c3", &c3("1.0.0")).await;
    a.publish("esp32c3", &c3("1.1.0")).await;
    for node in [b, c] {
        until("the release", async || {
            node.json("/api/releases").await["releases"]
                .as_array()
                .is_some_and(|releases| releases.len() == 2)
        })
        .await;
    }
    let elf = elf_sha256(&c3("1.1.0"));
    for round in 0..20 {
        let id = format!("d{round}");
        tokio::join!(
            report(a, &id, "downloading", None),
            report(b, &id, "confirmed", Some(&elf)),
            report(c, &id, "rebooting", None),
        );
        for node in nodes.three() {
            until("the outcome", async || {
                state(node, &id).await.as_deref() == Some("confirmed")
            })
            .await;
        }
    }
    nodes.stop().await;
}

#[tokio::test]
async fn tokens_and_keys_are_the_same_on_every_node() {
    let Some(nodes) = Nodes::start().await else {
        return;
    };
    let [a, b, c] = nodes.three();
    let running = b.running.as_ref().unwrap();
    assert_eq!(running.admin_token.source, SecretSource::Elsewhere);
    assert_eq!(running.enrolment_key.source, SecretSource::Elsewhere);
    // The first node's admin issues a token on the second, which the third accepts until the first revokes it.
    let issued = b
        .post("/api/tokens", &json!({ "name": "ci", "role": "viewer" }))
        .await;
    let issued: Value = issued.json().await.unwrap();
    let secret = issued["secret"].as_str().unwrap();
    let seen_by_c = async || {
        let request = c.bare(Method::GET, "/api/releases").bearer_auth(secret);
        request.send().await.unwrap().status() == StatusCode::OK
    };
    until("the token", seen_by_c).await;
    let path = format!(
        "/api/tokens/{}",
        issued["token"]["id"]
            .as_str()
            .or(issued["id"].as_str())
            .unwrap()
    );
    assert!(a.delete(&path).await.status().is_success());
    until("the refusal", async || !seen_by_c().await).await;

    // A device that enrols on one node is known by its token on the others.
    let token = c.enrol("d", "esp32c3").await;
    until("the device", async || {
        let body = json!({ "device_type": "esp32c3", "version": "1.0.0" });
        let request = a.bare(Method::POST, "/api/devices/d/check-in");
        let answer = request.bearer_auth(&token).json(&body).send().await;
        answer.unwrap().status() == StatusCode::OK
    })
    .await;
    // And nobody else can take its name there.
    let body = json!({
        "device_id": "d", "device_type": "esp32c3", "enrolment_key": a.key, "token": random_token(),
    });
    let request = a.bare(Method::POST, "/api/devices/enrol").json(&body);
    let refused = refusal(request.send().await.unwrap()).await;
    assert_eq!(refused, (409, "already_enrolled".to_owned()));
    nodes.stop().await;
}

#[tokio::test]
async fn each_nodes_stream_shows_what_happens_on_all_and_in_one_order() {
    let Some(nodes) = Nodes::start().await else {
        return;
    };
    let [a, b, c] = nodes.three();
    let path = "/api/events?types=release,type&after=0";
    let mut at_a = Follower::new(a, path, &a.admin, None).await;
    c.publish("esp32c3", &c3("1.0.0")).await;
    b.publish("esp32c3", &c3("1.1.0")).await;
    a.publish("esp32c3", &c3("1.2.0")).await;
    let mut seen = Vec::new();
    for _ in 0..4 {
        let frame = at_a.next().await.unwrap();
        seen.push((
            frame.id,
            frame.event,
            frame.data["detail"]["version"].clone(),
        ));
    }
    let versions: Vec<&Value> = seen.iter().map(|(_, _, version)| version).collect();
    assert_eq!(
        versions,
        [
            &Value::Null,
            &json!("1.0.0"),
            &json!("1.1.0"),
            &json!("1.2.0")
        ]
    );
    // Another node goes on from the number that the first one told.
    let mut at_b = Follower::new(b, path, &a.admin, seen[1].0).await;
    for (id, kind, _) in &seen[2..] {
        let frame = at_b.next().await.unwrap();
        assert_eq!((&frame.id, &frame.event), (id, kind));
    }
    drop((at_a, at_b));
    nodes.stop().await;
}

#[tokio::test]
async fn of_three_nodes_one_delivers_each_event_to_a_webhook() {
    let Some(nodes) = Nodes::start().await else {
        return;
    };
    let [a, b, c] = nodes.three();
    let mut receiver = Receiver::start().await;
    let body = json!({ "url": receiver.url, "types": ["token"] });
    assert_eq!(b.post("/api/webhooks", &body).await.status(), 201);
    for number in 0..10 {
        for node in [a, b, c] {
            let body = json!({ "name": format!("t{number}"), "role": "viewer" });
            assert_eq!(node.post("/api/tokens", &body).await.status(), 201);
        }
    }
    let mut ids = Vec::new();
    for _ in 0..30 {
        ids.push(receiver.next().await.header("webhook-id"));
    }
    assert!(
        ids.is_sorted_by_key(|id| id[4..].parse::<i64>().unwrap()),
        "{ids:?}"
    );
    // The node that delivers is gone, whichever it is: the others go on.
    let left = nodes.stop_one().await;
    left.all[0].token("viewer").await;
    let next = receiver.next().await.header("webhook-id");
    assert!(!ids.contains(&next));
    left.stop().await;
    let twice: Vec<String> = receiver
        .rest()
        .iter()
        .map(|delivery| delivery.header("webhook-id"))
        .collect();
    assert!(twice.is_empty(), "{twice:?}");
}

/// `PostgreSQL` takes no NUL in a text, and a device may say anything: it is written without, and holds nobody else up.
#[tokio::test]
async fn control_characters_in_a_devices_words_stop_nothing() {
    let Some(nodes) = Nodes::start().await else {
        return;
    };
    let [a, b, _] = nodes.three();
    a.publish("esp32c3", &c3("1.1.0")).await;
    let words = json!({ "version": "1.0.0\0", "slot": "ota\u{1}0", "chip": "esp32c3\0" });
    check_in(a, "garbled", words).await;
    let query = "/firmwares/latest/esp32c3?device_id=by-query&version=1.0.0%00&slot=%00";
    assert_eq!(a.get(query).await.status(), StatusCode::OK);
    for (path, body) in [
        (
            "/api/devices/garbled/reports",
            json!({ "firmware_version": "1.1.0", "update_status": "failed", "detail": "core dump: \0\u{7f}\n",
                    "previous_version": "\0", "slot": "\0" }),
        ),
        (
            "/api/beacons/garbled/ota_status",
            json!({ "firmware_version": "9.9.9\0", "update_status": "failed", "previous_version": "\0" }),
        ),
    ] {
        let answer = a.post(path, &body).await;
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
    }
    // Acknowledged is on disk, where the others see it.
    until("the failure at the other node", async || {
        state(b, "garbled").await.as_deref() == Some("failed")
    })
    .await;
    let device: Value = b.json("/api/devices/garbled").await;
    assert_eq!(device["slot"], " ");
    assert_eq!(device["deployments"][0]["detail"], "core dump:    ");
    nodes.stop().await;
}
