//! Somebody who takes what is posted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Longest wait for what takes a moment.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// What was posted.
#[derive(Debug, Clone)]
pub struct Delivery {
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Delivery {
    pub fn header(&self, name: &str) -> String {
        self.headers[name].to_str().unwrap().to_owned()
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }
}

/// A receiver on a free port.
pub struct Receiver {
    pub url: String,
    status: Arc<AtomicU16>,
    taken: mpsc::UnboundedReceiver<Delivery>,
    serving: JoinHandle<()>,
}

impl Receiver {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let status = Arc::new(AtomicU16::new(200));
        let (sender, taken) = mpsc::unbounded_channel();
        let answers = status.clone();
        let router = Router::new().fallback(async move |headers: HeaderMap, body: Bytes| {
            let body = body.to_vec();
            let _ = sender.send(Delivery { headers, body });
            let status = StatusCode::from_u16(answers.load(Ordering::SeqCst)).unwrap();
            (status, [("location", "/elsewhere")])
        });
        let serving = tokio::spawn(async move {
            axum::serve(listener, router).await.unwrap();
        });
        Self {
            url,
            status,
            taken,
            serving,
        }
    }

    /// From now on it answers so.
    pub fn answer(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }

    /// The next delivery.
    pub async fn next(&mut self) -> Delivery {
        let next = tokio::time::timeout(PATIENCE, self.taken.recv()).await;
        next.expect("nothing is posted").unwrap()
    }

    /// What was posted and not looked at yet.
    pub fn rest(&mut self) -> Vec<Delivery> {
        std::iter::from_fn(|| self.taken.try_recv().ok()).collect()
    }

    /// Nobody is there any more.
    pub fn stop(&self) {
        self.serving.abort();
    }

    /// The same with another body.
    pub fn forged(delivery: &Delivery) -> Delivery {
        let mut forged = delivery.clone();
        forged.body.push(b' ');
        forged
    }
}
