//! Several nodes over one database at one broker: a device is told once, and what it says counts once, whichever node
//! hears it.

use std::time::Duration;

use tempfile::TempDir;
use updraft_server::{Broker, Config, Embedded, Mqtt, Server};

use super::mosquitto::Mosquitto;
use super::scene::{Client, PATIENCE, state};
use crate::nodes::share_files;
use crate::support::images::c3;
use crate::support::{TestServer, random_token, start_in};
use crate::test_database::TestDatabase;

/// Three nodes.
struct Nodes {
    all: Vec<TestServer>,
    broker: Mosquitto,
    token: String,
    _shared: TempDir,
    _database: TestDatabase,
}

impl Nodes {
    async fn start() -> Option<Self> {
        let token = random_token();
        let broker = Mosquitto::start(&[("beacon-17", &token)])?;
        let database = TestDatabase::create().await?;
        let shared = TempDir::new().unwrap();
        let mut all: Vec<TestServer> = Vec::new();
        for _ in 0..3 {
            let dir = TempDir::new().unwrap();
            share_files(shared.path(), &dir.path().join("data"));
            let link = Broker {
                group: Some("updraft".to_owned()),
                ..broker.with_tls()
            };
            let first = all.first().map(|first| first.admin.clone());
            let url = database.url().parse().unwrap();
            let mut node = start_in(dir, |config| {
                config.database = Some(url);
                config.mqtt = Mqtt::Broker(link);
            })
            .await;
            // The first one's secrets are every node's.
            if let Some(first) = first {
                node.admin = first;
            }
            node.until_connected().await;
            all.push(node);
        }
        all[0].enrol("beacon-17", "esp32c3").await;
        Some(Self {
            all,
            broker,
            token,
            _shared: shared,
            _database: database,
        })
    }

    async fn device(&self) -> Client {
        Client::device(self.broker.plain, "beacon-17", &self.token).await
    }

    /// The node that heard the device, which alone has counted it; its place in the list.
    async fn hearer(&self) -> usize {
        let heard = async {
            loop {
                for (index, node) in self.all.iter().enumerate() {
                    if node.metric("check_ins_total").await > 0 {
                        return index;
                    }
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, heard)
            .await
            .expect("the version is heard")
    }

    /// How often all nodes together counted deployments that came to this state.
    async fn counted(&self, name: &str) -> u64 {
        let mut sum = 0;
        for node in &self.all {
            sum += node.metric(name).await;
        }
        sum
    }

    async fn until_all_know(&self, id: &str, version: &str) {
        for node in &self.all {
            node.device_until(id, |device| device["version"] == version)
                .await;
        }
    }
}

#[tokio::test]
async fn seed_003_of_several_nodes_one_tells_the_device_and_one_hears_what_came_of_it() {
    let Some(nodes) = Nodes::start().await else {
        return;
    };
    let mut device = nodes.device().await;
    device.say("devices/beacon-17/presence", "online").await;
    device.say("devices/beacon-17/version", "1.0.0").await;
    nodes.until_all_know("beacon-17", "1.0.0").await;
    nodes.all[1].publish("esp32c3", &c3("1.1.0")).await;
    let (topic, url) = device.hear().await;
    assert_eq!(topic, "devices/beacon-17/ota");
    // Any node takes the URL that one of them signed.
    let path = reqwest::Url::parse(&url).unwrap().path().to_owned();
    for node in &nodes.all {
        let response = node.http.get(node.url(&path)).send().await.unwrap();
        assert_eq!(response.status(), 200);
    }
    device.say("devices/beacon-17/ota/status", "SUCCESS").await;
    for node in &nodes.all {
        node.device_until("beacon-17", |device| state(device) == "downloaded")
            .await;
    }
    // Longer than a device that says nothing is waited for, after which the others would have told it.
    for _ in 0..3 {
        nodes.all[2].check_update("beacon-17").await;
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    assert_eq!(device.heard(), None, "told once");
    assert_eq!(nodes.counted("check_ins_total").await, 1);
}

#[tokio::test]
async fn seed_003_a_device_in_the_care_of_a_node_that_died_is_told_by_another() {
    let Some(mut nodes) = Nodes::start().await else {
        return;
    };
    let mut device = nodes.device().await;
    device.say("devices/beacon-17/version", "1.0.0").await;
    nodes.until_all_know("beacon-17", "1.0.0").await;
    let hearer = nodes.hearer().await;
    // Who is connected is written within a second or so.
    let other = (hearer + 1) % 3;
    let known = async {
        while nodes.all[other].check_update("beacon-17").await["connected"] != true {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, known).await.expect("known");
    let mut dead = nodes.all.remove(hearer);
    dead.running.take().unwrap().shutdown().await;
    nodes.all[0].publish("esp32c3", &c3("1.1.0")).await;
    let (_, url) = device.hear().await;
    assert!(url.contains("/d/beacon-17/"), "{url}");
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(device.heard(), None, "told once");
}

#[tokio::test]
async fn a_broker_inside_one_of_several_nodes_is_refused() {
    let Some(database) = TestDatabase::create().await else {
        return;
    };
    let folder = TempDir::new().unwrap();
    let mut config = Config::new(folder.path().join("data"));
    config.database = Some(database.url().parse().unwrap());
    config.mqtt = Mqtt::Embedded(Embedded {
        listen: "127.0.0.1:0".parse().unwrap(),
    });
    let error = Server::start(config).await.map(drop).unwrap_err();
    assert_eq!(error.code(), "mqtt_not_shared");
}
