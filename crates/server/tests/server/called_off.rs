//! Updates that are called off while devices fetch them, on every way to the bytes.

use std::net::TcpStream;
use std::os::fd::OwnedFd;

use reqwest::Method;
use serde_json::json;
use socket2::{Domain, Socket, Type};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::fleet::{Fleet, at_once};
use crate::support::images::c3;
use crate::support::refusal;

/// The first device downloads 1.1.0, which everybody is offered: the rollout, the release, and every URL it may use.
async fn downloading(fleet: &Fleet) -> (String, String, Vec<String>) {
    let id = fleet.roll_out(at_once()).await;
    let device = &fleet.devices[0];
    fleet.offer(device).await;
    fleet.report(device, "downloading", json!({})).await;
    let rollout = fleet.rollout(&id).await;
    let release = rollout["release_id"].as_str().unwrap().to_owned();
    let path = format!("/api/devices/{device}/signed-url");
    let signed = fleet
        .server
        .post(&path, &json!({ "release_id": release }))
        .await;
    let signed: serde_json::Value = signed.json().await.unwrap();
    let short = reqwest::Url::parse(signed["url"].as_str().unwrap()).unwrap();
    let urls = vec![
        format!("/firmwares/{release}/download?device_id={device}"),
        format!("/api/v1/firmware/download?firmware_id={release}&device_id={device}"),
        short.path().to_owned(),
    ];
    (id, release, urls)
}

#[tokio::test]
async fn what_is_revoked_is_downloaded_no_more_on_any_way() {
    let fleet = Fleet::of(3).await;
    let (id, _, urls) = downloading(&fleet).await;
    let get = async |url: &str| {
        let request = fleet.server.bare(Method::GET, url);
        request.send().await.unwrap()
    };
    for url in &urls {
        assert_eq!(get(url).await.status(), 200, "{url}");
    }
    fleet
        .act(&id, "revoke", json!({ "note": "wrong build" }))
        .await;
    for url in &urls {
        let refused = refusal(get(url).await).await;
        assert_eq!(refused, (410, "cancelled".to_owned()), "{url}");
    }
    let device = &fleet.devices[0];
    assert_eq!(fleet.deployment(device).await["state"], "cancelled");
    assert_eq!(fleet.rollout(&id).await["state"], "halted");
    assert!(fleet.offered_of(&fleet.devices).await.is_empty());
}

/// A connection over which little is on its way at a time, as over a radio.
fn narrow(address: std::net::SocketAddr) -> tokio::net::TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.set_tcp_mss(536).unwrap();
    socket.connect(&address.into()).unwrap();
    socket.set_nonblocking(true).unwrap();
    let stream = TcpStream::from(OwnedFd::from(socket));
    tokio::net::TcpStream::from_std(stream).unwrap()
}

/// Asks for a file, reads a little of it, and the rest after something happened; how much came in all.
async fn read_across(fleet: &Fleet, url: &str, happens: impl AsyncFnOnce()) -> usize {
    let mut stream = narrow(fleet.server.base["http://".len()..].parse().unwrap());
    let request = format!("GET {url} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut began = vec![0; 2000];
    stream.read_exact(&mut began).await.unwrap();
    assert!(began.starts_with(b"HTTP/1.1 200"), "{url}");
    happens().await;
    let mut rest = Vec::new();
    // It ends by a reset or without one.
    let _ = stream.read_to_end(&mut rest).await;
    began.len() + rest.len()
}

#[tokio::test]
async fn a_download_under_way_breaks_off_when_it_is_called_off() {
    let fleet = Fleet::of(1).await;
    let (id, _, urls) = downloading(&fleet).await;
    let size = c3("1.1.0").len();
    for url in &urls {
        let came = read_across(&fleet, url, async || {}).await;
        assert!(came > size, "{url}: {came} bytes");
    }
    // Each is under way when it happens, which is once.
    let (first, rest) = urls.split_first().unwrap();
    let revoke = async || {
        fleet
            .act(&id, "revoke", json!({ "note": "wrong build" }))
            .await;
    };
    let came = read_across(&fleet, first, revoke).await;
    assert!(came < size, "{first}: {came} bytes");
    for url in rest {
        let response = fleet.server.bare(Method::GET, url).send().await.unwrap();
        assert_eq!(response.status(), 410, "{url}");
    }
}

#[tokio::test]
async fn a_download_under_way_breaks_off_when_its_release_is_blocked() {
    let fleet = Fleet::of(1).await;
    let (_, release, urls) = downloading(&fleet).await;
    let size = c3("1.1.0").len();
    let block = async || {
        let path = format!("/api/releases/{release}/block");
        let body = json!({ "reason": "boot loop after OTA" });
        let response = fleet.server.post(&path, &body).await;
        assert_eq!(response.status(), 200);
    };
    let came = read_across(&fleet, &urls[2], block).await;
    assert!(came < size, "{came} bytes");
}
