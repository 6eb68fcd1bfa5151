//! The little HTTP that the bench itself speaks.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::Result;

/// A request's head, on a connection that ends with the answer.
pub(crate) fn request(path: &str, headers: &[(&str, &str)]) -> String {
    let mut request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
    for (name, value) in headers {
        request.extend([name, ": ", value, "\r\n"]);
    }
    request + "\r\n"
}

/// An answer that says that all went well.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// Asks once.
pub(crate) async fn get(
    server: SocketAddr,
    path: &str,
    headers: &[(&str, &str)],
) -> Result<Answer> {
    exchange(server, path, &request(path, headers)).await
}

/// Sends a JSON document once.
pub(crate) async fn send(
    server: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &serde_json::Value,
) -> Result<Answer> {
    let body = body.to_string();
    let length = body.len().to_string();
    let json = [
        ("Content-Type", "application/json"),
        ("Content-Length", &length),
    ];
    let head = request(path, &[headers, &json].concat());
    let request = head.replacen("GET", method, 1) + &body;
    exchange(server, path, &request).await
}

async fn exchange(server: SocketAddr, path: &str, request: &str) -> Result<Answer> {
    let mut stream = TcpStream::connect(server).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await?;
    let end = bytes
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?;
    let body = bytes.split_off(end + 4);
    let head = String::from_utf8(bytes)?;
    let mut lines = head.lines();
    let status = lines.next().unwrap_or_default();
    if !status.starts_with("HTTP/1.1 2") {
        let words = String::from_utf8_lossy(&body);
        return Err(format!("{path}: {status}: {words}").into());
    }
    let headers = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    Ok(Answer { headers, body })
}
