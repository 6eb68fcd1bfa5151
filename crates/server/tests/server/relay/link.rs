//! The way from a relay to its primary: it can be cut, it can lie, and it can say again what it said before.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What happens on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    Clear,
    Cut,
    /// These bytes come as those, of the same length.
    Changed(Vec<u8>, Vec<u8>),
    /// Every request is answered with this.
    Answered(Vec<u8>),
    /// Each connection breaks off when so many bytes came back.
    Breaks(usize),
}

pub struct Link {
    address: SocketAddr,
    /// Where it leads.
    target: Arc<Mutex<SocketAddr>>,
    way: watch::Sender<Way>,
    /// Whole answers with a snapshot, as they came.
    recorded: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Link {
    pub async fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let way = watch::Sender::new(Way::Clear);
        let recorded = Arc::new(Mutex::new(Vec::new()));
        let target = Arc::new(Mutex::new(target));
        let (told, kept, at) = (way.clone(), recorded.clone(), target.clone());
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let target = *at.lock().unwrap();
                tokio::spawn(carry(client, target, told.subscribe(), kept.clone()));
            }
        });
        Self {
            address,
            target,
            way,
            recorded,
        }
    }

    /// Leads to another server from now on, as a load balancer may; what is under way is cut.
    pub fn lead_to(&self, target: SocketAddr) {
        *self.target.lock().unwrap() = target;
        self.set(Way::Clear);
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on; what is under way is cut.
    pub fn set(&self, way: Way) {
        self.way.send_replace(way);
    }

    /// The first answer that contains these bytes.
    pub fn answer_with(&self, words: &str) -> Option<Vec<u8>> {
        let recorded = self.recorded.lock().unwrap();
        let contains = |answer: &&Vec<u8>| {
            answer
                .windows(words.len())
                .any(|part| part == words.as_bytes())
        };
        recorded.iter().find(contains).cloned()
    }
}

async fn carry(
    mut client: TcpStream,
    target: SocketAddr,
    mut way: watch::Receiver<Way>,
    recorded: Arc<Mutex<Vec<Vec<u8>>>>,
) {
    let now = way.borrow_and_update().clone();
    if now == Way::Cut {
        return;
    }
    if let Way::Answered(answer) = &now {
        let mut request = vec![0; 64 * 1024];
        if client.read(&mut request).await.is_ok() {
            let _ = client.write_all(answer).await;
        }
        return;
    }
    let Ok(mut server) = TcpStream::connect(target).await else {
        return;
    };
    let (mut up, mut down) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    let mut answer: Vec<u8> = Vec::new();
    let mut back = 0;
    loop {
        tokio::select! {
            _ = way.changed() => break,
            read = client.read(&mut up) => match read {
                Ok(length) if length > 0 => {
                    if !answer.is_empty() {
                        recorded.lock().unwrap().push(std::mem::take(&mut answer));
                    }
                    if server.write_all(&up[..length]).await.is_err() {
                        break;
                    }
                }
                _ => break,
            },
            read = server.read(&mut down) => match read {
                Ok(length) if length > 0 => {
                    answer.extend_from_slice(&down[..length]);
                    back += length;
                    let mut bytes = down[..length].to_vec();
                    if let Way::Changed(from, to) = &now {
                        change(&mut bytes, from, to);
                    }
                    if client.write_all(&bytes).await.is_err() {
                        break;
                    }
                    if matches!(now, Way::Breaks(limit) if back > limit) {
                        break;
                    }
                }
                _ => break,
            },
        }
    }
    if !answer.is_empty() {
        recorded.lock().unwrap().push(answer);
    }
}

fn change(bytes: &mut [u8], from: &[u8], to: &[u8]) {
    assert_eq!(from.len(), to.len());
    for start in 0..bytes.len().saturating_sub(from.len()) {
        let part = &mut bytes[start..start + from.len()];
        if part == from {
            part.copy_from_slice(to);
        }
    }
}
