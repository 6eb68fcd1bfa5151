//! Connections: accepted up to a limit, bounded in time and memory, ended gracefully.

mod guarded_io;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tower::ServiceExt as _;

use crate::limits::Limits;
use crate::metrics::{Metrics, Plain};
use guarded_io::GuardedIo;

/// A pause after accepting failed, which is when this process or the system is out of file descriptors:
/// trying again at once would only spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Most bytes read ahead on a connection: what an upload's packets are gathered in.
const READ_AHEAD: usize = 64 * 1024;

/// Serves connections until `stop` says so, then waits for those that are under way. Says whether all ended
/// by themselves within the limit.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    metrics: Arc<Metrics>,
    mut stop: watch::Receiver<bool>,
) -> bool {
    let graceful = GracefulShutdown::new();
    let permits = Arc::new(Semaphore::new(limits.max_connections));
    let http = builder(&limits);
    // Dropped when patience is over: whatever is still open then is cut.
    let (patience, end) = watch::channel(());
    loop {
        // A place first: whoever comes when there is none waits in the system's queue.
        let accepted = tokio::select! {
            accepted = accept(&listener, &permits) => accepted,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        let Some((stream, address, permit)) = accepted else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        metrics.add(Plain::Accepted, 1);
        metrics.add(Plain::Open, 1);
        let io = TokioIo::new(GuardedIo::new(stream, &limits, metrics.clone()));
        let router = router.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            let router = router.clone();
            async move {
                let mut request = request.map(Body::new);
                request.extensions_mut().insert(address);
                Ok::<_, Infallible>(router.oneshot(request).await.unwrap_or_else(|e| match e {}))
            }
        });
        let connection = graceful.watch(http.serve_connection(io, service));
        let metrics = metrics.clone();
        let mut end = end.clone();
        tokio::spawn(async move {
            tokio::select! {
                ended = connection => if let Err(error) = ended {
                    tracing::debug!(%address, %error, "a connection ended early");
                },
                // An error means that the sender is gone.
                _ = end.changed() => {}
            }
            metrics.connection_closed();
            drop(permit);
        });
    }
    drop(listener);
    let finished = tokio::time::timeout(limits.shutdown_timeout, graceful.shutdown()).await;
    drop(patience);
    finished.is_ok()
}

fn builder(limits: &Limits) -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.header_read_timeout)
        .max_header_size(limits.max_head)
        .max_buf_size(READ_AHEAD.max(limits.max_head));
    http
}

async fn accept(
    listener: &TcpListener,
    permits: &Arc<Semaphore>,
) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let permit = permits.clone().acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, address)) => {
            // Answers are one write: waiting for more would only delay them.
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%address, %error, "TCP_NODELAY was not set");
            }
            Some((stream, address, permit))
        }
        Err(error) => {
            tracing::warn!(%error, "a connection was not accepted");
            None
        }
    }
}
