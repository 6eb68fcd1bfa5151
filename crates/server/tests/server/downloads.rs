//! Ranges, validators, digests; and what is served when memory or disk fail.

use base64::Engine as _;
use reqwest::header::HeaderMap;
use reqwest::{Method, Response};

use crate::support::images::{c3, sha256};
use crate::support::{TestServer, refusal, start, start_with};

async fn published(server: &TestServer, version: &str) -> String {
    let release = server.publish("esp32c3", &c3(version)).await;
    release["download_url"].as_str().unwrap().to_owned()
}

async fn get(server: &TestServer, url: &str, headers: &[(&str, &str)]) -> Response {
    let mut request = server.request(Method::GET, url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap()
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers
        .get(name)
        .map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn the_headers_say_what_it_is() {
    let server = start().await;
    let url = published(&server, "1.0.0").await;
    let image = c3("1.0.0");
    let digest = sha256(&image);
    let raw: Vec<u8> = (0..64)
        .step_by(2)
        .map(|at| u8::from_str_radix(&digest[at..at + 2], 16).unwrap())
        .collect();
    let base64 = base64::engine::general_purpose::STANDARD.encode(raw);
    let response = get(&server, &url, &[]).await;
    assert_eq!(response.status(), 200);
    let headers = response.headers().clone();
    for (name, value) in [
        ("etag", format!("\"{digest}\"")),
        ("content-length", image.len().to_string()),
        ("content-type", "application/octet-stream".to_owned()),
        ("accept-ranges", "bytes".to_owned()),
        (
            "cache-control",
            "private, max-age=31536000, immutable".to_owned(),
        ),
        ("repr-digest", format!("sha-256=:{base64}:")),
        ("digest", format!("SHA-256={base64}")),
        ("x-firmware-version", "1.0.0".to_owned()),
        ("x-firmware-sha256", digest.clone()),
    ] {
        assert_eq!(header(&headers, name), value, "{name}");
    }
    assert_eq!(response.bytes().await.unwrap(), image);

    let response = server
        .request(Method::HEAD, &url)
        .header("range", "bytes=0-9")
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 200, "a range is for GET alone");
    assert_eq!(
        header(response.headers(), "content-length"),
        image.len().to_string()
    );
    assert_eq!(header(response.headers(), "etag"), format!("\"{digest}\""));
    assert!(response.bytes().await.unwrap().is_empty());
}

#[tokio::test]
async fn ranges_give_the_bytes_they_name() {
    let server = start().await;
    ranges(&server).await;
}

#[tokio::test]
async fn ranges_from_disk_give_the_same() {
    // No memory for files at all: everything is streamed.
    let server = start_with(|config| config.limits.download_cache = 0).await;
    ranges(&server).await;
}

async fn ranges(server: &TestServer) {
    let url = published(server, "1.0.0").await;
    let image = c3("1.0.0");
    let size = image.len();
    let etag = format!("\"{}\"", sha256(&image));
    for (range, first, last) in [
        ("bytes=0-0".to_owned(), 0, 0),
        ("bytes=0-".to_owned(), 0, size - 1),
        ("bytes=70000-".to_owned(), 70_000, size - 1),
        ("bytes=100-199".to_owned(), 100, 199),
        ("bytes=-500".to_owned(), size - 500, size - 1),
        (format!("bytes={}-", size - 1), size - 1, size - 1),
        (format!("bytes=5-{}", size * 2), 5, size - 1),
    ] {
        let response = get(server, &url, &[("range", &range), ("if-range", &etag)]).await;
        assert_eq!(response.status(), 206, "{range}");
        let headers = response.headers().clone();
        assert_eq!(
            header(&headers, "content-range"),
            format!("bytes {first}-{last}/{size}")
        );
        assert_eq!(
            header(&headers, "content-length"),
            (last - first + 1).to_string()
        );
        assert_eq!(header(&headers, "etag"), etag);
        assert_eq!(
            response.bytes().await.unwrap(),
            image[first..=last],
            "{range}"
        );
    }
    // Ranges that do not count: the whole file.
    for (range, if_range) in [
        ("bytes=0-1,5-9", etag.as_str()),
        ("bytes=9-1", &etag),
        ("lines=1-2", &etag),
        ("bytes=0-9", "\"another\""),
        ("bytes=0-9", "Sat, 21 Nov 2026 00:00:00 GMT"),
        ("bytes=0-9", &format!("W/{etag}")),
    ] {
        let response = get(server, &url, &[("range", range), ("if-range", if_range)]).await;
        assert_eq!(response.status(), 200, "{range} {if_range}");
        assert_eq!(response.bytes().await.unwrap(), image);
    }
    // Beyond the end.
    for range in [format!("bytes={size}-"), "bytes=-0".to_owned()] {
        let response = get(server, &url, &[("range", &range)]).await;
        assert_eq!(response.status(), 416, "{range}");
        assert_eq!(
            header(response.headers(), "content-range"),
            format!("bytes */{size}")
        );
        assert_eq!(header(response.headers(), "content-length"), "0");
    }
}

#[tokio::test]
async fn a_client_that_has_it_gets_no_bytes() {
    let server = start().await;
    let url = published(&server, "1.0.0").await;
    let etag = format!("\"{}\"", sha256(&c3("1.0.0")));
    for tags in [etag.clone(), "*".to_owned(), format!("\"x\", W/{etag}")] {
        let response = get(
            &server,
            &url,
            &[("if-none-match", &tags), ("range", "bytes=0-9")],
        )
        .await;
        assert_eq!(response.status(), 304, "{tags}");
        assert_eq!(header(response.headers(), "etag"), etag);
        assert!(response.bytes().await.unwrap().is_empty());
    }
    let response = get(&server, &url, &[("if-none-match", "\"other\"")]).await;
    assert_eq!(response.status(), 200);
}

#[tokio::test]
async fn a_blocked_release_is_gone() {
    let server = start().await;
    let url = published(&server, "1.0.0").await;
    let id = url.split('/').nth(2).unwrap();
    let reason = serde_json::json!({ "reason": "bricks" });
    server
        .post(&format!("/api/releases/{id}/block"), &reason)
        .await;
    for range in ["bytes=0-", "bytes=100-"] {
        let response = get(&server, &url, &[("range", range)]).await;
        assert_eq!(refusal(response).await, (410, "release_blocked".to_owned()));
    }
    server
        .post(&format!("/api/releases/{id}/unblock"), &reason)
        .await;
    assert_eq!(get(&server, &url, &[]).await.status(), 200);
    let unknown = get(&server, "/firmwares/000000000000000000000000/download", &[]).await;
    assert_eq!(
        refusal(unknown).await,
        (404, "release_not_found".to_owned())
    );
}

#[tokio::test]
async fn decay_on_disk_is_found_before_a_byte_is_sent() {
    for cache in [0, 64 * 1024 * 1024] {
        let server = start_with(|config| config.limits.download_cache = cache).await;
        let url = published(&server, "1.0.0").await;
        let path = server.artifacts().remove(0);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[1000] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        for _ in 0..2 {
            let response = get(&server, &url, &[]).await;
            assert_eq!(
                refusal(response).await,
                (500, "artifact_damaged".to_owned())
            );
        }
        // Restored, it is served again.
        std::fs::write(&path, c3("1.0.0")).unwrap();
        assert_eq!(
            get(&server, &url, &[]).await.bytes().await.unwrap(),
            c3("1.0.0")
        );
    }
}

#[tokio::test]
async fn a_release_without_its_file_is_not_offered() {
    let server = start().await;
    published(&server, "1.0.0").await;
    std::fs::remove_file(server.artifacts().remove(0)).unwrap();
    let server = server.restart(|_| {}).await;
    let response = server.get("/firmwares/latest/esp32c3").await;
    assert_eq!(refusal(response).await, (404, "no_firmware".to_owned()));
}

#[tokio::test]
async fn more_files_than_fit_in_memory_are_all_served() {
    // Room for one: the second takes the place of the first, in turn.
    let server = start_with(|config| config.limits.download_cache = 500_000).await;
    let urls = [
        (published(&server, "1.0.0").await, c3("1.0.0")),
        (published(&server, "1.1.0").await, c3("1.1.0")),
        (published(&server, "1.3.0").await, c3("1.3.0")),
    ];
    let downloads = (0..30).map(|index| {
        let (url, image) = &urls[index % urls.len()];
        let server = &server;
        async move { assert_eq!(get(server, url, &[]).await.bytes().await.unwrap(), *image) }
    });
    futures_util::future::join_all(downloads).await;
    for (url, image) in &urls {
        assert_eq!(get(&server, url, &[]).await.bytes().await.unwrap(), *image);
    }
}
