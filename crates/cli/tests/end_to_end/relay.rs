//! A device, a relay as the binary runs it, and a primary that goes away.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use updraft_protocol::api::DeploymentState;

use crate::scene::{Scene, living};

/// Longest wait for what takes a moment.
const PATIENCE: Duration = Duration::from_mins(1);

/// A relay in a process of its own.
struct Relay {
    child: Child,
    url: String,
}

impl Relay {
    fn start(folder: &Path, upstream: &str) -> Self {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(folder.join("log"))
            .expect("a log");
        let mut child = Command::new(env!("CARGO_BIN_EXE_updraft"))
            .env_clear()
            .current_dir(folder)
            .args(["relay", "--json", "--upstream", upstream])
            .args([
                "--token-file",
                "token",
                "--data",
                "data",
                "--listen",
                "127.0.0.1:0",
            ])
            .args([
                "--cache-size",
                "100M",
                "--poll",
                "200ms",
                "--poll-interval",
                "30s",
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("the binary");
        let stdout = child.stdout.take().expect("a pipe");
        let mut documents = serde_json::Deserializer::from_reader(stdout).into_iter();
        let first: Option<Result<Value, _>> = documents.next();
        let Some(Ok(ready)) = first else {
            panic!(
                "{}",
                std::fs::read_to_string(folder.join("log")).unwrap_or_default()
            );
        };
        let url = ready["url"].as_str().expect("an address").to_owned();
        Self { child, url }
    }

    /// SIGKILL: nothing is said goodbye to.
    fn kill(mut self) {
        self.child.kill().expect("it lives");
        self.child.wait().expect("it ends");
    }

    async fn health(&self) -> Value {
        let answer = reqwest::get(format!("{}/healthz", self.url)).await;
        let health: Value = answer.expect("an answer").json().await.expect("JSON");
        health["relay"].clone()
    }

    async fn fetched(&self) -> u64 {
        let answer = reqwest::get(format!("{}/metrics", self.url)).await;
        let text = answer.expect("an answer").text().await.expect("text");
        let name = "updraft_relay_cache_fetches_total ";
        let value = text.lines().find_map(|line| line.strip_prefix(name));
        value.expect("the counter").parse().expect("a number")
    }
}

async fn until(what: &str, so: impl AsyncFn() -> bool) {
    let waiting = async {
        while !so().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let came = tokio::time::timeout(PATIENCE, waiting).await;
    assert!(came.is_ok(), "{what} does not come");
}

#[tokio::test]
async fn seed_004_stage_2_a_device_updates_at_a_relay_without_the_primary_and_a_kill_loses_nothing()
{
    let scene = Scene::new().await;
    scene.publish("1.0.0").await;
    let folder = tempfile::tempdir().expect("a folder");
    let token = folder.path().join("token");
    std::fs::write(&token, scene.token("relay").await).expect("written");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&token, mode).expect("private");
    let upstream = scene.url("");
    let relay = Relay::start(folder.path(), &upstream);

    // The device knows the relay only; the primary agrees to its enrolment.
    let (mut device, diary) = scene.new_device_at("far", &relay.url);
    until("the first snapshot", async || {
        relay.health().await["snapshot"].is_object()
    })
    .await;
    living(&mut device, diary.said("checked in: up to date", 1)).await;
    until("the device", async || {
        scene.get("/api/devices").await.to_string().contains("far")
    })
    .await;
    scene.publish("1.1.0").await;
    until("both files", async || relay.fetched().await == 2).await;

    let down = Box::pin(async {
        // It is heard, too, before its power is cut.
        let heard = async {
            diary.said("1.1.0 is confirmed", 1).await;
            let before = diary.count("checked in");
            diary.said("checked in", before + 1).await;
        };
        living(&mut device, heard).await;
        assert!(diary.says("1.1.0 is offered"));
        until("the words", async || {
            relay.health().await["words_waiting"]
                .as_u64()
                .is_some_and(|count| count > 0)
        })
        .await;
        assert_eq!(relay.health().await["reachable"], false);
    });
    let scene = scene.restart(down).await;
    // Nothing but the disk has the words; perhaps some were told by now.
    relay.kill();
    let _relay_again = Killed(Some(Relay::start(folder.path(), &upstream)));
    let deployment = scene
        .deployment("far", "1.1.0", DeploymentState::Confirmed)
        .await;
    assert_eq!(deployment.failures, 0);
    assert_eq!(scene.device("far").await.version.as_deref(), Some("1.1.0"));
}

/// Ends the relay with the test.
struct Killed(Option<Relay>);

impl Drop for Killed {
    fn drop(&mut self) {
        if let Some(relay) = self.0.take() {
            relay.kill();
        }
    }
}
