//! What stands before several nodes: connections go to one node after the other, past those that do not answer.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

/// A running load balancer on a free port.
pub(crate) struct Balancer {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    // Of its own, so that it serves tests that block, too.
    runtime: Option<Runtime>,
}

impl Balancer {
    /// Before these nodes.
    pub(crate) fn start(nodes: Vec<SocketAddr>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let listener = runtime
            .block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
            .expect("a port");
        let address = listener.local_addr().expect("bound");
        let (nodes, turn) = (Arc::new(nodes), Arc::new(AtomicUsize::new(0)));
        runtime.spawn(async move {
            loop {
                let Ok((mut device, _)) = listener.accept().await else {
                    continue;
                };
                let (nodes, turn) = (Arc::clone(&nodes), Arc::clone(&turn));
                tokio::spawn(async move {
                    for _ in 0..nodes.len() {
                        let at = turn.fetch_add(1, Ordering::Relaxed) % nodes.len();
                        if let Ok(mut node) = TcpStream::connect(nodes[at]).await {
                            // A node that is killed cuts its connections, and so the device's.
                            let _ = tokio::io::copy_bidirectional(&mut device, &mut node).await;
                            return;
                        }
                    }
                });
            }
        });
        Self {
            address,
            runtime: Some(runtime),
        }
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
