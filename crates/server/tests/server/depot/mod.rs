//! The artifact store: a folder and a real S3 server, filled by somebody's CI and by the server.

mod blocked;
mod ci;
mod files;
mod gate;
mod nodes;
mod own;
mod refused;
#[path = "../../../../store/tests/depot/s3.rs"]
mod s3;

use std::path::PathBuf;
use std::time::Duration;

use object_store::aws::AmazonS3Builder;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _, local::LocalFileSystem};
use serde_json::{Value, json};
use tempfile::TempDir;
use updraft_server::{Config, DepotAt, DeviceAuth, S3Options};

use crate::support::images::{c3, sha256};
use crate::support::{TestServer, start_with};
use s3::{BUCKET, S3Server};

/// What the store lies on, seen with another program's eyes.
pub struct Place {
    pub name: &'static str,
    folder: TempDir,
    pub s3: Option<S3Server>,
}

pub fn places() -> [Place; 2] {
    let place = |name, s3| Place {
        name,
        folder: tempfile::tempdir().unwrap(),
        s3,
    };
    [
        place("a folder", None),
        place("S3", Some(S3Server::start())),
    ]
}

impl Place {
    pub fn at(&self) -> DepotAt {
        let (given, options) = match &self.s3 {
            None => (
                self.folder.path().to_str().unwrap().to_owned(),
                S3Options::default(),
            ),
            Some(s3) => (
                format!("s3://{BUCKET}/sds"),
                S3Options {
                    endpoint: Some(s3.endpoint()),
                    credentials_file: Some(s3.credentials_file()),
                    ..S3Options::default()
                },
            ),
        };
        DepotAt::read(&given, options).unwrap()
    }

    /// A server on it that looks by itself only when it starts and when something is changed on it.
    pub async fn server(&self) -> TestServer {
        let server = start_with(|config| self.configure(config)).await;
        // The look it began with is over then: no file that comes later is found by it.
        sync(&server).await;
        server
    }

    pub fn configure(&self, config: &mut Config) {
        config.device_auth = DeviceAuth::Open;
        config.artifacts = Some(self.at());
        config.artifacts_poll = Duration::from_hours(24);
    }

    fn store(&self) -> (Box<dyn ObjectStore>, &str) {
        match &self.s3 {
            None => (
                Box::new(LocalFileSystem::new_with_prefix(self.folder.path()).unwrap()),
                "",
            ),
            Some(s3) => {
                let store = AmazonS3Builder::new()
                    .with_endpoint(s3.endpoint())
                    .with_allow_http(true)
                    .with_region("us-east-1")
                    .with_bucket_name(BUCKET)
                    .with_access_key_id(&s3.key_id)
                    .with_secret_access_key(&s3.secret);
                (Box::new(store.build().unwrap()), "sds/")
            }
        }
    }

    pub async fn put(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let (store, prefix) = self.store();
        let path = Path::parse(format!("{prefix}{path}")).unwrap();
        let bytes = bytes.as_ref().to_vec();
        store.put(&path, bytes.into()).await.unwrap();
    }

    pub async fn remove(&self, path: &str) {
        let (store, prefix) = self.store();
        let path = Path::parse(format!("{prefix}{path}")).unwrap();
        store.delete(&path).await.unwrap();
    }

    /// Where a file lies on this machine's disk.
    pub fn file(&self, path: &str) -> PathBuf {
        match &self.s3 {
            None => self.folder.path().join(path),
            Some(s3) => s3.object(&format!("sds/{path}")),
        }
    }

    pub fn text(&self, path: &str) -> String {
        std::fs::read_to_string(self.file(path)).unwrap()
    }

    pub fn json(&self, path: &str) -> Value {
        serde_json::from_str(&self.text(path)).unwrap()
    }

    /// Puts the three files of a release into a folder, in the documented order.
    pub async fn release(&self, folder: &str, version: &str, image: &[u8]) {
        self.put(&format!("{folder}/firmware.bin"), image).await;
        self.put(&format!("{folder}/version.txt"), format!("v{version}\n"))
            .await;
        let metadata = json!({ "version": version, "sha256": sha256(image), "commit": "abc" });
        self.put(&format!("{folder}/metadata.json"), metadata.to_string())
            .await;
    }

    /// What a CI run does: `releases/vX.Y.Z/`.
    pub async fn ci_releases(&self, version: &str) {
        let folder = format!("esp32c3/releases/v{version}");
        self.release(&folder, version, &c3(version)).await;
    }

    /// What a CI run does then: `production/`.
    pub async fn ci_promotes(&self, version: &str) {
        self.release("esp32c3/production", version, &c3(version))
            .await;
    }
}

/// Asks for a look at the store; returns the report.
pub async fn sync(server: &TestServer) -> Value {
    let response = server.post("/api/artifacts/sync", &json!({})).await;
    let status = response.status();
    let report: Value = response.json().await.unwrap();
    assert_eq!(status, 200, "{report}");
    report
}

/// The versions in one list of a report.
pub fn versions(report: &Value, list: &str) -> Vec<String> {
    let entries = report[list].as_array().unwrap().iter();
    entries
        .map(|entry| entry["version"].as_str().unwrap().to_owned())
        .collect()
}

/// What a device with this version is offered.
pub async fn offered(server: &TestServer, device: &str, running: &str) -> Option<String> {
    let path = format!("/firmwares/latest/esp32c3?device_id={device}&version={running}");
    let response = server.get(&path).await;
    if response.status() == 404 {
        return None;
    }
    let offer: Value = response.json().await.unwrap();
    offer["version"]
        .as_str()
        .map(ToOwned::to_owned)
        .filter(|version| version != running)
}

/// Waits until something is so.
pub async fn wait_for(what: &str, mut is: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !is().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let limit = Duration::from_mins(1);
    assert!(tokio::time::timeout(limit, waiting).await.is_ok(), "{what}");
}

/// The id of a release.
pub async fn id(server: &TestServer, version: &str) -> String {
    let list = server.json("/api/releases").await;
    let mut releases = list["releases"].as_array().unwrap().iter();
    let found = releases
        .find(|release| release["version"] == version)
        .unwrap();
    found["id"].as_str().unwrap().to_owned()
}
