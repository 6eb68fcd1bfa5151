//! One device, and how to ask it.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::HOST;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use updraft_protocol::local::LocalStatus;

use super::LocalError;
use crate::settings::Secret;

/// Longest wait for a connection: on a local network it takes milliseconds, through a busy access point a second.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Longest wait for a status: a device that erases a large piece of flash answers after it, within three seconds.
const STATUS_TIMEOUT: Duration = Duration::from_secs(5);

/// Bytes the system keeps to be sent. Left to itself it takes megabytes, a whole image, and what was sent could not be
/// told from what waits here. A device's receive window is smaller than this.
const SEND_BUFFER: u32 = 16 * 1024;

/// Most bytes of an answer that are read: a status has about two thousand.
const MAX_ANSWER: usize = 64 * 1024;

/// A client of one device. Each request has a connection of its own: devices restart, and have few sockets.
#[derive(Debug)]
pub(crate) struct Local {
    /// Where it is.
    pub(crate) address: SocketAddr,
    pub(super) token: Option<Secret>,
}

impl Local {
    /// A client of the device at `address`, which is shown `token` with what changes it.
    pub(crate) const fn new(address: SocketAddr, token: Option<Secret>) -> Self {
        Self { address, token }
    }

    /// Whether there is a token to show.
    pub(crate) const fn has_token(&self) -> bool {
        self.token.is_some()
    }

    /// What the device says of itself.
    pub(crate) async fn status(&self) -> Result<LocalStatus, LocalError> {
        let asked = async {
            let request = self.request("GET", "/api/ota/status");
            let request = request.body(Empty::<Bytes>::new());
            let request = request.map_err(|error| self.cut(&error))?;
            let mut sender = self.connect().await?;
            let answer = sender.send_request(request).await;
            self.read(answer.map_err(|error| self.cut(&error))?).await
        };
        let (status, body) = timeout(CONNECT_TIMEOUT + STATUS_TIMEOUT, asked)
            .await
            .map_err(|_| LocalError::Timeout {
                device: self.address,
            })??;
        let foreign = LocalError::Foreign {
            device: self.address,
            status,
        };
        if !status.is_success() {
            return Err(foreign);
        }
        serde_json::from_slice(&body).map_err(|_| foreign)
    }

    /// The beginning of a request.
    pub(super) fn request(&self, method: &str, path: &str) -> hyper::http::request::Builder {
        Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, self.address.to_string())
            .header("User-Agent", concat!("updraft/", env!("CARGO_PKG_VERSION")))
            .header("Connection", "close")
    }

    /// A fresh connection, served in the background until either side closes it.
    pub(super) async fn connect<B>(&self) -> Result<SendRequest<B>, LocalError>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: std::error::Error + Send + Sync,
    {
        let device = self.address;
        let stream = timeout(CONNECT_TIMEOUT, connection(device))
            .await
            .map_err(|_| LocalError::Timeout { device })?
            .map_err(|source| LocalError::Unreachable { device, source })?;
        let (sender, connection) = handshake(TokioIo::new(stream))
            .await
            .map_err(|error| self.cut(&error))?;
        // Its errors reach whoever waits for the answer.
        tokio::spawn(connection);
        Ok(sender)
    }

    /// All of an answer.
    pub(super) async fn read(
        &self,
        answer: Response<Incoming>,
    ) -> Result<(StatusCode, Bytes), LocalError> {
        let status = answer.status();
        let body = Limited::new(answer.into_body(), MAX_ANSWER);
        match body.collect().await {
            Ok(body) => Ok((status, body.to_bytes())),
            Err(error) => Err(LocalError::Cut {
                device: self.address,
                reason: error.to_string(),
            }),
        }
    }

    pub(super) fn cut(&self, error: &dyn std::error::Error) -> LocalError {
        let mut last = error;
        while let Some(cause) = last.source() {
            last = cause;
        }
        LocalError::Cut {
            device: self.address,
            reason: last.to_string(),
        }
    }
}

async fn connection(device: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = match device {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.set_send_buffer_size(SEND_BUFFER)?;
    socket.connect(device).await
}
