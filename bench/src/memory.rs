//! The server's memory while many slow devices download.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use crate::Result;
use crate::figure::{Aim, Figure};
use crate::http;
use crate::image::ONE_MIB;
use crate::process::memory;
use crate::server::Server;
use crate::throughput::download;

/// Devices that download at the same time.
const CLIENTS: u64 = 2000;

/// Bytes each reads a second.
const PACE: usize = 2048;

/// What a device's TCP stack takes before it is read: lwIP's default window on an ESP32. With a host's own
/// default the kernel would swallow the whole image, and nobody would be slow.
const RECEIVE_BUFFER: u32 = 5760;

/// How long all of them read.
const HOLD: Duration = Duration::from_secs(12);

/// How long they may take to begin.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) async fn measure(server: &Server) -> Result<Vec<Figure>> {
    let (path, authorization) = download(server).await?;
    let before = memory(server.pid()?, "VmRSS")?;
    let request: Arc<str> = http::request(&path, &[("Authorization", &authorization)]).into();
    let tally = Arc::new(Tally::default());
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        let (request, tally) = (request.clone(), tally.clone());
        clients.spawn(client(server.address, request, tally));
    }
    tokio::time::timeout(PATIENCE, async {
        while tally.begun.load(Ordering::Relaxed) < CLIENTS {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await
    .map_err(|_| {
        format!(
            "only {} downloads began",
            tally.begun.load(Ordering::Relaxed)
        )
    })?;
    tokio::time::sleep(HOLD).await;
    let (rss, peak) = (
        memory(server.pid()?, "VmRSS")?,
        memory(server.pid()?, "VmHWM")?,
    );
    let ended = tally.ended.load(Ordering::Relaxed);
    if ended > 0 {
        return Err(format!("{ended} of {CLIENTS} downloads ended early").into());
    }
    let read = tally.bytes.load(Ordering::Relaxed);
    clients.shutdown().await;
    Ok(vec![Figure {
        what: format!("memory, {CLIENTS} slow downloads"),
        ours: peak,
        peer: None,
        aim: Aim::AtMost(150.0),
        how: format!(
            "highest resident memory of the server's process ({rss} at the end, {before} before); each of the 1 MiB \
             downloads read at {PACE} bytes/s for {} s, {} % of all bytes, none ended",
            HOLD.as_secs(),
            read * 100 / (CLIENTS * ONE_MIB as u64)
        ),
    }])
}

#[derive(Debug, Default)]
struct Tally {
    begun: AtomicU64,
    ended: AtomicU64,
    bytes: AtomicU64,
}

/// One slow device.
async fn client(server: SocketAddr, request: Arc<str>, tally: Arc<Tally>) {
    // Whatever goes wrong shows as a download that ended.
    let _ = read_slowly(server, &request, &tally).await;
    tally.ended.fetch_add(1, Ordering::Relaxed);
}

async fn read_slowly(server: SocketAddr, request: &str, tally: &Tally) -> std::io::Result<()> {
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
    let mut stream = socket.connect(server).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut bytes = [0; PACE];
    let mut seconds = interval(Duration::from_secs(1));
    seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut begun = false;
    loop {
        seconds.tick().await;
        let count = stream.read(&mut bytes).await?;
        if count == 0 || (!begun && !bytes.starts_with(b"HTTP/1.1 200 ")) {
            return Ok(());
        }
        if !begun {
            begun = true;
            tally.begun.fetch_add(1, Ordering::Relaxed);
        }
        tally.bytes.fetch_add(count as u64, Ordering::Relaxed);
    }
}
