//! URLs that need no token.

use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use updraft_server::{Config, Delivery};

use crate::support::images::{c3, sha256};
use crate::support::{TestServer, refusal, start, start_with};

/// A server with a release, and a device of its type; returns the release's id.
async fn with_release(tune: impl FnOnce(&mut Config)) -> (TestServer, String) {
    let server = start_with(tune).await;
    let release = server.publish("esp32c3", &c3("1.1.0")).await;
    let id = release["firmware_id"].as_str().unwrap().to_owned();
    server.enrol("beacon-17", "esp32c3").await;
    (server, id)
}

async fn sign(server: &TestServer, device: &str, release: &str) -> String {
    let path = format!("/api/devices/{device}/signed-url");
    let response = server.post(&path, &json!({ "release_id": release })).await;
    assert_eq!(response.status(), StatusCode::OK);
    let body: Value = response.json().await.unwrap();
    body["url"].as_str().unwrap().to_owned()
}

async fn get(server: &TestServer, url: &str) -> Response {
    server.http.get(url).send().await.unwrap()
}

#[tokio::test]
async fn seed_003_a_signed_url_needs_no_credentials_on_the_device() {
    let (server, release) = with_release(|_| {}).await;
    let url = sign(&server, "beacon-17", &release).await;
    let response = get(&server, &url).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["cache-control"], "no-cache");
    let length = response.content_length().unwrap();
    let bytes = response.bytes().await.unwrap();
    assert_eq!(length, bytes.len() as u64);
    assert_eq!(sha256(&bytes), sha256(&c3("1.1.0")));
    // The same file without the URL stays closed.
    let bare = server
        .bare(Method::GET, &format!("/firmwares/{release}/download"))
        .send()
        .await
        .unwrap();
    assert_eq!(bare.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn the_short_form_fits_esp_idf_s_512_bytes() {
    let (server, release) = with_release(|config| {
        config.signed_urls.public_url =
            Some(format!("https://{}.example:8443/", "updates".repeat(8)));
    })
    .await;
    let longest = "d".repeat(64);
    server.enrol(&longest, "esp32c3").await;
    let url = sign(&server, &longest, &release).await;
    let url = reqwest::Url::parse(&url).unwrap();
    // What esp_http_client writes into its one buffer of 512 bytes, with a Range as a resumed download has.
    let request = format!(
        "GET {} HTTP/1.1\r\nUser-Agent: ESP32 HTTP Client/1.0\r\nHost: {}:8443\r\nRange: bytes=1048576-\r\n\
         Content-Length: 0\r\n\r\n",
        url.path(),
        url.host_str().unwrap()
    );
    assert!(request.len() < 512, "{} bytes: {request}", request.len());
}

#[tokio::test]
async fn ranges_resume_and_head_work_on_both_forms() {
    for delivery in [Delivery::Short, Delivery::Full] {
        let (server, release) = with_release(|config| config.signed_urls.delivery = delivery).await;
        let url = sign(&server, "beacon-17", &release).await;
        assert_eq!(
            url.contains("firmware.bin?expires="),
            delivery == Delivery::Full
        );
        let image = c3("1.1.0");
        let response = server.http.head(&url).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(
            response.headers()["content-length"],
            image.len().to_string().as_str()
        );
        let half = image.len() / 2;
        let response = server
            .http
            .get(&url)
            .header("range", format!("bytes={half}-"))
            .header("if-range", format!("\"{}\"", sha256(&image)))
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), StatusCode::PARTIAL_CONTENT);
        assert_eq!(response.bytes().await.unwrap(), image[half..]);
    }
}

#[tokio::test]
async fn a_url_expires_with_a_code_of_its_own() {
    for delivery in [Delivery::Short, Delivery::Full] {
        let (server, release) = with_release(|config| {
            config.signed_urls.delivery = delivery;
            config.signed_urls.lifetime = Duration::from_secs(1);
        })
        .await;
        let url = sign(&server, "beacon-17", &release).await;
        // Until the second after next; however long that takes here.
        loop {
            let response = get(&server, &url).await;
            if response.status() != StatusCode::OK {
                assert_eq!(refusal(response).await, (403, "url_expired".into()));
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

#[tokio::test]
async fn a_url_is_for_one_device_and_one_artifact() {
    let (server, release) = with_release(|_| {}).await;
    let other = server.publish("esp32c3", &c3("1.2.0")).await;
    let other = other["firmware_id"].as_str().unwrap();
    let url = sign(&server, "beacon-17", &release).await;
    let forged = [
        url.replace("/d/beacon-17/", "/d/beacon-18/"),
        url[..url.len() - 1].to_owned(),
        format!("{url}A"),
        server.url("/d/beacon-17/"),
        server.url(&format!("/d/beacon-17/{}", "A".repeat(48))),
        server.url(&format!(
            "/signed/beacon-17/{other}/firmware.bin?expires=4000000000&key=1&signature={}",
            "0".repeat(64)
        )),
    ];
    for url in forged {
        let status = get(&server, &url).await.status();
        assert!(
            matches!(status, StatusCode::FORBIDDEN | StatusCode::NOT_FOUND),
            "{url}: {status}"
        );
    }
    let response = get(&server, &url.replace("/d/beacon-17/", "/d/beacon-18/")).await;
    assert_eq!(refusal(response).await, (403, "url_not_signed".into()));
    assert_eq!(get(&server, &url).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn guessing_is_counted_and_slowed_and_the_right_url_still_works() {
    let (server, release) = with_release(|config| config.limits.max_auth_failures = 3).await;
    let url = sign(&server, "beacon-17", &release).await;
    let wrong = server.url(&format!("/d/beacon-17/{}", "A".repeat(48)));
    for _ in 0..3 {
        assert_eq!(get(&server, &wrong).await.status(), StatusCode::FORBIDDEN);
    }
    assert_eq!(
        get(&server, &wrong).await.status(),
        StatusCode::TOO_MANY_REQUESTS
    );
    assert_eq!(get(&server, &url).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn urls_are_revoked_for_one_device() {
    let (server, release) = with_release(|_| {}).await;
    server.enrol("beacon-18", "esp32c3").await;
    let url = sign(&server, "beacon-17", &release).await;
    let neighbour = sign(&server, "beacon-18", &release).await;
    let response = server
        .post("/api/devices/beacon-17/revoke-urls", &json!({}))
        .await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    assert_eq!(
        refusal(get(&server, &url).await).await,
        (403, "url_not_signed".into())
    );
    assert_eq!(get(&server, &neighbour).await.status(), StatusCode::OK);
    let url = sign(&server, "beacon-17", &release).await;
    assert_eq!(get(&server, &url).await.status(), StatusCode::OK);
    let audit = server.json("/api/audit").await.to_string();
    assert!(audit.contains("device.revoke_urls"), "{audit}");
}

#[tokio::test]
async fn a_blocked_release_is_gone_also_by_its_url() {
    let (server, release) = with_release(|_| {}).await;
    let url = sign(&server, "beacon-17", &release).await;
    let path = format!("/api/releases/{release}/block");
    let response = server
        .post(&path, &json!({ "reason": "Boot loop after OTA" }))
        .await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(
        refusal(get(&server, &url).await).await,
        (410, "release_blocked".into())
    );
}

#[tokio::test]
async fn keys_rotate_with_overlap_and_outlive_a_restart() {
    let (server, release) = with_release(|_| {}).await;
    let before = sign(&server, "beacon-17", &release).await;
    let response = server.post("/api/url-keys", &json!({})).await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    let after = sign(&server, "beacon-17", &release).await;
    assert_ne!(before, after);
    let server = server.restart(|_| {}).await;
    for url in [&before, &after] {
        // It listens on another port now.
        let path = reqwest::Url::parse(url).unwrap().path().to_owned();
        let response = get(&server, &server.url(&path)).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
    }
    let database = std::fs::metadata(server.data().join("updraft.db")).unwrap();
    assert_eq!(database.permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn a_url_is_signed_by_operators_for_releases_of_the_device_s_type() {
    let (server, release) = with_release(|_| {}).await;
    server.enrol("other", "esp32c3-other").await;
    let path = "/api/devices/other/signed-url";
    let response = server.post(path, &json!({ "release_id": release })).await;
    assert_eq!(refusal(response).await, (422, "wrong_device_type".into()));
    let viewer = server.token("viewer").await;
    let response = server
        .bare(Method::POST, "/api/devices/beacon-17/signed-url")
        .bearer_auth(viewer)
        .json(&json!({ "release_id": release }))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
}

/// The query fields of a URL that AWS's scheme signs.
fn is_presigned(url: &str) -> bool {
    ["X-Amz-Signature=", "X-Amz-Expires=300", "/releases/v1.1.0/"]
        .iter()
        .all(|part| url.contains(part))
}

#[tokio::test]
async fn s3_by_device_class_a_redirect_or_the_presigned_url_itself() {
    for (delivery, is_redirect) in [(Delivery::Redirect, true), (Delivery::Direct, false)] {
        let [_, bucket] = crate::depot::places();
        let (server, release) = with_release(|config| {
            config.artifacts = Some(bucket.at());
            let class = "esp32c3".parse().unwrap();
            config.signed_urls.delivery_of.insert(class, delivery);
        })
        .await;
        let url = sign(&server, "beacon-17", &release).await;
        let presigned = if is_redirect {
            let response = get(&server, &url).await;
            assert_eq!(response.status(), StatusCode::FOUND);
            // HEAD, for which no presigned URL is good, is answered here.
            let head = server.http.head(&url).send().await.unwrap();
            assert_eq!(head.status(), StatusCode::OK);
            let location = &response.headers()["location"];
            location.to_str().unwrap().to_owned()
        } else {
            url
        };
        assert!(is_presigned(&presigned), "{presigned}");
        // Seed 003: no AWS credentials on the device.
        let response = get(&server, &presigned).await;
        assert_eq!(response.status(), StatusCode::OK);
        let bytes = response.bytes().await.unwrap();
        assert_eq!(sha256(&bytes), sha256(&c3("1.1.0")));
        // What the signature covers cannot be changed.
        let longer = presigned.replace("X-Amz-Expires=300", "X-Amz-Expires=3000");
        assert_eq!(get(&server, &longer).await.status(), StatusCode::FORBIDDEN);
    }
}

#[tokio::test]
async fn without_a_bucket_the_server_sends_the_bytes_whatever_the_class() {
    for delivery in [Delivery::Redirect, Delivery::Direct] {
        let (server, release) = with_release(|config| config.signed_urls.delivery = delivery).await;
        let url = sign(&server, "beacon-17", &release).await;
        assert_eq!(get(&server, &url).await.status(), StatusCode::OK);
    }
    let server = start().await;
    let response = server
        .post(
            "/api/devices/nobody/signed-url",
            &json!({ "release_id": "x" }),
        )
        .await;
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
}
