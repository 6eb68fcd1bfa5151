//! SIGKILL at any moment: nothing half done is left, nothing acknowledged is lost.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;

use serde_json::json;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, Command};
use updraft_server::{Config, DeviceAuth, Server};

use crate::support::images::{c3, elf_sha256, sha256};
use crate::support::{TestServer, artifacts, random_token, raw, start_in};

const DIR: &str = "UPDRAFT_TEST_DATA_DIR";
const TOKEN: &str = "UPDRAFT_TEST_TOKEN";

/// Not a test: the process that the tests kill. They start this very program with `--ignored` and this name.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "the server that other tests start and kill"]
async fn serve_until_killed() {
    let mut config = Config::new(std::env::var(DIR).unwrap());
    config.admin_token = Some(std::env::var(TOKEN).unwrap());
    config.device_auth = DeviceAuth::Open;
    let running = Server::start(config).await.unwrap();
    println!("\nlistening {}", running.local_addr);
    std::future::pending::<()>().await;
}

/// A server in a process of its own.
pub struct Process {
    pub child: Child,
    pub address: SocketAddr,
    pub token: String,
}

/// Starts it; `wrap` may put a shell around it.
pub async fn spawn(data: &Path, wrap: impl FnOnce(&Path) -> Command) -> Process {
    let token = random_token();
    let program = std::env::current_exe().unwrap();
    let mut child = wrap(&program)
        .args([
            "--exact",
            "killed::serve_until_killed",
            "--ignored",
            "--nocapture",
        ])
        .env(DIR, data)
        .env(TOKEN, &token)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let address = loop {
        let line = lines.next_line().await.unwrap().expect("the server starts");
        if let Some(address) = line.strip_prefix("listening ") {
            break address.parse().unwrap();
        }
    };
    Process {
        child,
        address,
        token,
    }
}

impl Process {
    async fn start(data: &Path) -> Self {
        spawn(data, |program| Command::new(program)).await
    }

    async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }
}

/// What a new server finds in the directory.
async fn restarted(dir: TempDir) -> TestServer {
    start_in(dir, |config| config.device_auth = DeviceAuth::Open).await
}

#[tokio::test]
async fn killed_in_the_middle_of_an_upload_nothing_is_left() {
    let mut dir = TempDir::new().unwrap();
    let image = c3("1.0.0");
    for part in [
        0,
        1,
        287,
        288,
        4096,
        262_144,
        300_000,
        image.len() - 1,
        image.len(),
    ] {
        let data = dir.path().join("data");
        let server = Process::start(&data).await;
        let request = raw::upload_request(&server.token, &[("device_type", "esp32c3")], &image);
        let tail = image.len() - part + "\r\n------updraft-test-boundary--\r\n".len();
        let _stream = raw::send(server.address, &request[..request.len() - tail]).await;
        // Killed once it has begun to write aside (which it does at the first byte of the file).
        while part > 0
            && std::fs::read_dir(data.join("artifacts/incoming"))
                .unwrap()
                .count()
                == 0
        {
            tokio::task::yield_now().await;
        }
        server.kill().await;
        let found = restarted(dir).await;
        found
            .assert_nothing_left(&format!("killed after {part} bytes"))
            .await;
        assert!(found.incoming().is_empty());
        let TestServer {
            mut running,
            dir: kept,
            ..
        } = found;
        running.take().unwrap().shutdown().await;
        dir = kept;
    }
}

#[tokio::test]
async fn killed_while_publishing_a_release_is_whole_or_absent() {
    // The kill comes at no particular moment of the publishing, many times.
    let mut seen = [0, 0];
    for round in 0..16 {
        let dir = TempDir::new().unwrap();
        let data = dir.path().join("data");
        let server = Process::start(&data).await;
        let image = c3("1.0.0");
        let request = raw::upload_request(&server.token, &[("device_type", "esp32c3")], &image);
        let mut stream = raw::send(server.address, &request).await;
        for _ in 0..round * 8 {
            tokio::task::yield_now().await;
        }
        let mut head = [0; 12];
        let acknowledged = round % 4 == 3 && {
            stream.read_exact(&mut head).await.unwrap();
            assert_eq!(&head, b"HTTP/1.1 201");
            true
        };
        server.kill().await;
        let found = restarted(dir).await;
        let releases = found.json("/api/releases").await;
        let count = releases["releases"].as_array().unwrap().len();
        assert!(!acknowledged || count == 1, "acknowledged and lost");
        let files = artifacts(&data);
        assert_eq!(
            files.len(),
            count,
            "files without a row, or a row without its file"
        );
        for file in files {
            assert_eq!(sha256(&std::fs::read(file).unwrap()), sha256(&image));
        }
        assert!(found.incoming().is_empty());
        seen[count] += 1;
    }
    assert!(seen[1] >= 4, "{seen:?}");
}

#[tokio::test]
async fn an_acknowledged_report_survives() {
    let dir = TempDir::new().unwrap();
    let data = dir.path().join("data");
    let server = Process::start(&data).await;
    let http = crate::support::client();
    let base = format!("http://{}", server.address);
    let upload = raw::upload_request(&server.token, &[("device_type", "esp32c3")], &c3("1.1.0"));
    let mut stream = raw::send(server.address, &upload).await;
    stream.read_to_end(&mut Vec::new()).await.unwrap();
    let devices: Vec<String> = (0..40).map(|index| format!("d{index}")).collect();
    for id in &devices {
        let url = format!("{base}/firmwares/latest/esp32c3?device_id={id}&version=1.0.0");
        assert_eq!(http.get(url).send().await.unwrap().status(), 200);
    }
    let reports = devices.iter().map(|id| {
        let report = json!({
            "firmware_version": "1.1.0", "update_status": "confirmed", "elf_sha256": elf_sha256(&c3("1.1.0")),
        });
        http.post(format!("{base}/api/devices/{id}/reports")).json(&report).send()
    });
    for answer in futures_util::future::join_all(reports).await {
        assert_eq!(answer.unwrap().status(), 200);
    }
    server.kill().await;
    let found = restarted(dir).await;
    let fleet = found.json("/api/fleet/esp32c3").await;
    assert_eq!(
        fleet["deployments"],
        json!({ "1.1.0": { "confirmed": 40 } })
    );
    assert_eq!(fleet["versions"], json!({ "1.1.0": 40 }));
    // That it was offered was on disk before the first offer left.
    let release = &found.json("/api/releases").await["releases"][0];
    assert_eq!(release["offered"], true);
}

#[tokio::test]
async fn what_tripped_a_rollout_survives_and_so_does_the_halt() {
    let dir = TempDir::new().unwrap();
    let data = dir.path().join("data");
    let server = Process::start(&data).await;
    let http = crate::support::client();
    let base = format!("http://{}", server.address);
    let fields = [("device_type", "esp32c3"), ("status", "testing")];
    let upload = raw::upload_request(&server.token, &fields, &c3("1.1.0"));
    let mut stream = raw::send(server.address, &upload).await;
    stream.read_to_end(&mut Vec::new()).await.unwrap();
    let post = async |path: &str, body: serde_json::Value| {
        let request = http.post(format!("{base}{path}")).json(&body);
        let answer = request.bearer_auth(&server.token).send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.json::<serde_json::Value>().await.unwrap()
    };
    let plan = json!({
        "stages": [{ "size": { "share_bp": 10_000 } }], "trips": [{ "kinds": ["failed"], "count": 3 }],
    });
    let ask = json!({ "device_type": "esp32c3", "version": "1.0.0" });
    for index in 0..6 {
        post(&format!("/api/devices/d{index}/check-in"), ask.clone()).await;
    }
    let new = json!({ "device_type": "esp32c3", "version": "1.1.0", "plan": plan });
    let rollout = post("/api/rollouts", new).await;
    let id = rollout["id"].as_str().unwrap().to_owned();
    post(&format!("/api/rollouts/{id}/start"), json!({})).await;
    let failed =
        json!({ "firmware_version": "1.1.0", "update_status": "failed", "reason": "too_big" });
    for index in 0..3 {
        let reply = post(&format!("/api/devices/d{index}/check-in"), ask.clone()).await;
        assert_eq!(reply["offer"]["version"], "1.1.0");
        post(&format!("/api/devices/d{index}/reports"), failed.clone()).await;
    }
    // At once after the last report was acknowledged.
    server.kill().await;
    let found = restarted(dir).await;
    let rollout = found.json(&format!("/api/rollouts/{id}")).await;
    assert_eq!(rollout["state"], "halted", "{rollout:#}");
    assert_eq!(rollout["counts"]["failed"], 3);
    for index in 3..6 {
        let path = format!("/api/devices/d{index}/check-in");
        let reply: serde_json::Value = found.post(&path, &ask).await.json().await.unwrap();
        assert_eq!(
            reply.get("offer"),
            None,
            "nothing is offered after the trip"
        );
    }
}
