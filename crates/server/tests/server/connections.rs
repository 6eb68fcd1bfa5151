//! Slow, silent and vanished clients, and the end of the server.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use crate::support::images::c3;
use crate::support::{TestServer, raw, start_with};

fn address(server: &TestServer) -> SocketAddr {
    server.running.as_ref().unwrap().local_addr
}

fn get(server: &TestServer, path: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {}\r\n\r\n",
        server.admin
    )
}

/// A connection that can hold little unread, so that the server has to wait for it.
async fn narrow(address: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(address).await.unwrap()
}

/// Reads until the other end closes or cuts.
async fn drain(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes).await;
    bytes
}

/// Publishes an image; returns where to get it.
async fn published(server: &TestServer) -> String {
    let release = server.publish("esp32c3", &c3("1.0.0")).await;
    release["download_url"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn silence_before_a_request_is_ended() {
    let server = start_with(|config| {
        config.limits.header_read_timeout = Duration::from_millis(200);
    })
    .await;
    for begun in ["", "GET /healthz HTTP/1.1\r\nHost: te"] {
        let mut stream = raw::send(address(&server), begun.as_bytes()).await;
        let answer = drain(&mut stream).await;
        assert!(!answer.starts_with(b"HTTP/1.1 200"), "{begun}");
    }
}

#[tokio::test]
async fn a_body_that_does_not_come_is_ended() {
    let server = start_with(|config| {
        config.limits.body_timeout = Duration::from_millis(200);
        config.device_auth = updraft_server::DeviceAuth::Open;
    })
    .await;
    let request = "POST /api/devices/d/reports HTTP/1.1\r\nHost: t\r\nContent-Length: 100\r\n\r\n{";
    let mut stream = raw::send(address(&server), request.as_bytes()).await;
    let mut head = [0; 12];
    stream.read_exact(&mut head).await.unwrap();
    assert_eq!(&head, b"HTTP/1.1 408");
}

#[tokio::test]
async fn a_download_that_nobody_reads_is_ended() {
    let server = start_with(|config| {
        config.limits.stall_window = Duration::from_millis(300);
    })
    .await;
    let url = published(&server).await;
    let mut stream = narrow(address(&server)).await;
    // Ten times the same, so that the answers cannot all wait in the system's buffers.
    let request = get(&server, &url).repeat(10);
    stream.write_all(request.as_bytes()).await.unwrap();
    while server.metric("stalled_connections_total").await == 0 {
        tokio::task::yield_now().await;
    }
    let received = drain(&mut stream).await;
    assert!(received.len() < 10 * c3("1.0.0").len());
}

#[tokio::test]
async fn a_slow_reader_that_keeps_reading_gets_everything() {
    let server = start_with(|config| {
        config.limits.stall_window = Duration::from_millis(700);
        config.limits.min_bytes_per_window = 1024;
    })
    .await;
    let url = published(&server).await;
    let mut stream = narrow(address(&server)).await;
    let request = get(&server, &url).replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut received = Vec::new();
    let mut piece = vec![0; 4 * 1024];
    loop {
        let length = stream.read(&mut piece).await.unwrap();
        if length == 0 {
            break;
        }
        received.extend_from_slice(&piece[..length]);
        // Slowness is the subject here; several windows pass in all.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let image = c3("1.0.0");
    assert_eq!(received[received.len() - image.len()..], image);
}

#[tokio::test]
async fn only_so_many_connections_and_the_next_waits() {
    let server = start_with(|config| config.limits.max_connections = 2).await;
    let first = TcpStream::connect(address(&server)).await.unwrap();
    let _second = TcpStream::connect(address(&server)).await.unwrap();
    let request = "GET /healthz HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n";
    let mut third = raw::send(address(&server), request.as_bytes()).await;
    let early = tokio::time::timeout(Duration::from_millis(200), third.read_u8()).await;
    assert!(early.is_err(), "no place yet");
    drop(first);
    let answer = drain(&mut third).await;
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{answer:?}");
}

#[tokio::test]
async fn a_head_too_large_is_refused() {
    let server = start_with(|_| {}).await;
    let request = format!(
        "GET /healthz HTTP/1.1\r\nHost: t\r\nX: {}\r\n\r\n",
        "x".repeat(40_000)
    );
    let mut stream = TcpStream::connect(address(&server)).await.unwrap();
    let _ = stream.write_all(request.as_bytes()).await;
    let mut head = [0; 12];
    stream.read_exact(&mut head).await.unwrap();
    assert_eq!(&head, b"HTTP/1.1 431");
}

#[tokio::test]
async fn shutdown_lets_a_download_finish_and_takes_no_more() {
    let mut server = start_with(|_| {}).await;
    let url = published(&server).await;
    let at = address(&server);
    let mut stream = narrow(at).await;
    stream
        .write_all(get(&server, &url).as_bytes())
        .await
        .unwrap();
    let mut received = vec![0; 1000];
    stream.read_exact(&mut received).await.unwrap();
    let shutdown = tokio::spawn(server.running.take().unwrap().shutdown());
    // Nobody new gets in.
    while TcpStream::connect(at).await.is_ok() {
        tokio::task::yield_now().await;
    }
    received.extend(drain(&mut stream).await);
    let image = c3("1.0.0");
    assert_eq!(received[received.len() - image.len()..], image);
    assert!(shutdown.await.unwrap(), "all finished by themselves");
}

#[tokio::test]
async fn shutdown_waits_only_so_long() {
    let mut server = start_with(|config| {
        config.limits.shutdown_timeout = Duration::from_millis(200);
    })
    .await;
    let url = published(&server).await;
    let mut stream = narrow(address(&server)).await;
    let request = get(&server, &url).repeat(10);
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut first = [0; 12];
    stream.read_exact(&mut first).await.unwrap();
    assert!(!server.running.take().unwrap().shutdown().await);
}
