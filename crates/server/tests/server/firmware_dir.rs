//! The folder of images that is published at start.

use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::images::c3;
use crate::support::{TestServer, refusal, start_with};

fn put(folder: &Path, name: &str, bytes: impl AsRef<[u8]>) {
    std::fs::write(folder.join(name), bytes).unwrap();
}

async fn start(folder: &TempDir) -> TestServer {
    start_with(|config| config.firmware_dir = Some(folder.path().to_owned())).await
}

/// Device types and versions of all releases.
async fn published(server: &TestServer) -> Vec<(String, String)> {
    let list: Value = server.json("/api/releases").await;
    let text = |release: &Value, name: &str| release[name].as_str().unwrap().to_owned();
    list["releases"]
        .as_array()
        .unwrap()
        .iter()
        .map(|release| (text(release, "device_type"), text(release, "version")))
        .collect()
}

fn pair(device_type: &str, version: &str) -> (String, String) {
    (device_type.to_owned(), version.to_owned())
}

#[tokio::test]
async fn files_are_published_by_name_or_sidecar_and_the_newest_is_offered() {
    let folder = TempDir::new().unwrap();
    let path = folder.path();
    put(path, "esp32-csi-node-1.1.0.bin", c3("1.1.0"));
    // Written last, but not newest by version.
    put(path, "esp32-csi-node-1.0.0.bin", c3("1.0.0"));
    put(path, "build.bin", c3("1.3.0"));
    put(
        path,
        "build.bin.manifest.json",
        r#"{"version":"1.3.0","device_type":"beacon"}"#,
    );
    put(path, "app.bin", c3("1.4.0"));
    put(
        path,
        "app.manifest.json",
        r#"{"version":"1.4.0","built_by":"ci"}"#,
    );
    put(path, "notes.txt", "not an image");
    let server = start(&folder).await;
    assert_eq!(
        published(&server).await,
        [
            pair("beacon", "1.3.0"),
            pair("esp32-csi-node", "1.4.0"),
            pair("esp32-csi-node", "1.1.0"),
            pair("esp32-csi-node", "1.0.0"),
        ]
    );
    let latest = server.json("/api/v1/firmware/latest").await;
    assert_eq!(latest["version"], "1.4.0");
    // The next start finds the same and publishes nothing twice.
    let folder_path = path.to_owned();
    let server = server
        .restart(|config| config.firmware_dir = Some(folder_path))
        .await;
    assert_eq!(published(&server).await.len(), 4);
}

#[tokio::test]
async fn what_contradicts_itself_is_passed_over_and_the_server_starts() {
    let folder = TempDir::new().unwrap();
    let path = folder.path();
    put(path, "esp32-csi-node-9.9.9.bin", c3("1.1.0"));
    put(path, "stale-1.0.0.bin", c3("1.0.0"));
    put(
        path,
        "stale-1.0.0.bin.manifest.json",
        r#"{"version":"9.9.9"}"#,
    );
    put(path, "digest-1.0.0.bin", c3("1.0.0"));
    put(
        path,
        "digest-1.0.0.bin.manifest.json",
        json!({ "sha256": "0".repeat(64) }).to_string(),
    );
    put(path, "broken-1.0.0.bin", c3("1.0.0"));
    put(path, "broken-1.0.0.bin.manifest.json", "{");
    put(path, "esp32s3-1.0.0.bin", c3("1.0.0"));
    put(path, "text-1.0.0.bin", "hello".repeat(100_000));
    put(path, "cut-1.0.0.bin", &c3("1.0.0")[..300_000]);
    put(path, "nameless.bin", c3("1.0.0"));
    put(path, "good-1.0.0.bin", c3("1.0.0"));
    let server = start(&folder).await;
    assert_eq!(published(&server).await, [pair("good", "1.0.0")]);
    server.wait_for_no_incoming("after the scan").await;
}

#[tokio::test]
async fn no_folder_is_no_reason_not_to_start() {
    let folder = TempDir::new().unwrap();
    let missing = folder.path().join("missing");
    let server = start_with(|config| config.firmware_dir = Some(missing)).await;
    let response = server.get("/firmwares/latest/esp32-csi-node").await;
    assert_eq!(refusal(response).await, (404, "no_firmware".to_owned()));
}

#[tokio::test]
async fn what_is_no_file_is_no_sidecar() {
    let folder = TempDir::new().unwrap();
    let path = folder.path();
    put(path, "piped-1.0.0.bin", c3("1.0.0"));
    let pipe = path.join("piped-1.0.0.bin.manifest.json");
    let made = std::process::Command::new("mkfifo").arg(pipe).status();
    assert!(made.unwrap().success());
    put(path, "folder-1.0.0.bin", c3("1.0.0"));
    std::fs::create_dir(path.join("folder-1.0.0.manifest.json")).unwrap();
    put(path, "huge-1.0.0.bin", c3("1.0.0"));
    let huge = format!(r#"{{"version":"1.0.0"}}{}"#, " ".repeat(70_000));
    put(path, "huge-1.0.0.bin.manifest.json", huge);
    let starting = tokio::time::timeout(std::time::Duration::from_mins(1), start(&folder));
    let server = starting.await.expect("the start waits for no pipe");
    assert_eq!(
        published(&server).await,
        [pair("folder", "1.0.0"), pair("piped", "1.0.0")]
    );
}
