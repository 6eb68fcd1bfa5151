//! Seed 002's documented interface, byte for byte.

use reqwest::Method;
use serde_json::Value;

use crate::support::images::{c3, elf_sha256, sha256};
use crate::support::{TestServer, refusal, start_open};

async fn upload(server: &TestServer, query: &str, body: Vec<u8>) -> reqwest::Response {
    server
        .request(Method::POST, &format!("/api/v1/firmware/upload{query}"))
        .body(body)
        .send()
        .await
        .unwrap()
}

async fn latest(server: &TestServer, query: &str) -> String {
    let url = format!("/api/v1/firmware/latest{query}");
    let response = server.bare(Method::GET, &url).send().await.unwrap();
    assert_eq!(response.status(), 200);
    let length = response.headers()["content-length"]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(!response.headers().contains_key("transfer-encoding"));
    let text = response.text().await.unwrap();
    assert_eq!(length, text.len().to_string());
    assert!(text.len() <= 4096, "the client's buffer");
    text
}

#[tokio::test]
async fn nothing_is_said_in_its_words() {
    let server = start_open().await;
    let nothing = r#"{"available":false,"message":"no firmware available"}"#;
    assert_eq!(latest(&server, "").await, nothing);
}

#[tokio::test]
async fn an_upload_is_found_and_downloaded() {
    let server = start_open().await;
    let image = c3("1.1.0");
    let digest = sha256(&image);
    let response = upload(
        &server,
        &format!("?version=1.1.0&sha256={digest}"),
        image.clone(),
    )
    .await;
    assert_eq!(response.status(), 200);
    let text = response.text().await.unwrap();
    let body: Value = serde_json::from_str(&text).unwrap();
    let id = body["firmware_id"].as_str().unwrap();
    assert_eq!(
        text,
        format!(
            r#"{{"status":"ok","version":"1.1.0","sha256":"{digest}","size":{},"path":"artifacts/{}/{digest}","firmware_id":"{id}"}}"#,
            image.len(),
            &digest[..2]
        )
    );
    let stored = server.data().join(body["path"].as_str().unwrap());
    assert_eq!(std::fs::read(stored).unwrap(), image);

    let release = server.json(&format!("/api/releases/{id}")).await;
    assert_eq!(release["device_type"], "esp32-csi-node");
    let found = latest(&server, "").await;
    assert_eq!(
        found,
        format!(
            r#"{{"available":true,"version":"1.1.0","sha256":"{digest}","size":{},"compile_time":"{}","download_url":"/api/v1/firmware/download?firmware_id={id}","firmware_id":"{id}","elf_sha256":"{}"}}"#,
            image.len(),
            release["compile_time"].as_str().unwrap(),
            elf_sha256(&image)
        )
    );
    // The documented path, and the one that names exactly these bytes.
    for path in [
        "/api/v1/firmware/download".to_owned(),
        format!("/api/v1/firmware/download?firmware_id={id}"),
    ] {
        let response = server.bare(Method::GET, &path).send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["x-firmware-version"], "1.1.0");
        assert_eq!(response.headers()["x-firmware-sha256"], digest.as_str());
        assert_eq!(response.bytes().await.unwrap(), image);
    }
}

#[tokio::test]
async fn a_device_that_says_what_it_runs_is_answered_for_itself() {
    let server = start_open().await;
    assert_eq!(
        upload(&server, "?version=1.1.0", c3("1.1.0"))
            .await
            .status(),
        200
    );
    let up_to_date = r#"{"available":false,"message":"up to date"}"#;
    assert_eq!(latest(&server, "?version=1.1.0").await, up_to_date);
    assert!(
        latest(&server, "?version=1.0.0")
            .await
            .starts_with(r#"{"available":true,"version":"1.1.0","#)
    );
    // By header, as a client may that cannot change its URL.
    let response = server
        .bare(Method::GET, "/api/v1/firmware/latest")
        .header("X-Device-Id", "node-1")
        .header("X-Device-Version", "1.0.0")
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    let device = server.json("/api/devices/node-1").await;
    assert_eq!(device["deployments"][0]["state"], "offered");
    assert_eq!(device["version"], "1.0.0");
    // For another type, by query.
    let nothing = r#"{"available":false,"message":"no firmware available"}"#;
    assert_eq!(latest(&server, "?device_type=esp32c6-node").await, nothing);
    let download = server.bare(
        Method::GET,
        "/api/v1/firmware/download?device_type=esp32c6-node",
    );
    assert_eq!(
        refusal(download.send().await.unwrap()).await,
        (404, "no_firmware".to_owned())
    );
}

#[tokio::test]
async fn what_it_refuses() {
    let server = start_open().await;
    let image = c3("1.0.0");
    let other = sha256(b"something else");
    for (query, body, wanted) in [
        ("", image.clone(), (400, "missing_parameter")),
        ("?version=nodots-at-all", image.clone(), (400, "bad_query")),
        (
            "?version=1.0.0&sha256=abc",
            image.clone(),
            (400, "bad_query"),
        ),
        (
            "?version=1.0.0&device_type=..",
            image.clone(),
            (400, "bad_query"),
        ),
        ("?version=1.0.1", image.clone(), (422, "version_mismatch")),
        (
            &format!("?version=1.0.0&sha256={other}"),
            image.clone(),
            (422, "sha256_mismatch"),
        ),
        (
            "?version=1.0.0&device_type=esp32s3",
            image.clone(),
            (422, "wrong_chip"),
        ),
        ("?version=1.0.0", Vec::new(), (422, "empty_file")),
        (
            "?version=1.0.0",
            image[..300_000].to_vec(),
            (422, "truncated"),
        ),
    ] {
        let response = upload(&server, query, body).await;
        let (status, code) = refusal(response).await;
        assert_eq!((status, code.as_str()), wanted, "{query}");
        server.assert_nothing_left(query).await;
    }
}

#[tokio::test]
async fn the_floor_is_configurable() {
    let image = c3("1.0.0");
    let above = u32::try_from(image.len()).unwrap() + 1;
    let server = crate::support::start_with(|config| config.min_firmware_size = above).await;
    let response = upload(&server, "?version=1.0.0", image.clone()).await;
    assert_eq!(refusal(response).await, (422, "too_small".to_owned()));
    server.assert_nothing_left("too small").await;
    let server = crate::support::start_with(|config| config.min_firmware_size = above - 1).await;
    assert_eq!(upload(&server, "?version=1.0.0", image).await.status(), 200);
}
