//! A slow way to the artifact store: requests that say something wait until they are let through.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What became of the gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stand {
    Shut,
    Holding,
    Open,
}

pub struct Gate {
    pub address: SocketAddr,
    stand: watch::Sender<Stand>,
}

impl Gate {
    /// One before this server, for requests whose line contains these words.
    pub async fn before(target: SocketAddr, words: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stand = watch::Sender::new(Stand::Shut);
        let told = stand.clone();
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                tokio::spawn(carry(client, target, words, told.clone()));
            }
        });
        Self { address, stand }
    }

    /// Waits until a request is held.
    pub async fn holds(&self) {
        let mut stand = self.stand.subscribe();
        let holding = stand.wait_for(|stand| *stand == Stand::Holding);
        let limit = std::time::Duration::from_mins(1);
        let came = tokio::time::timeout(limit, holding).await;
        assert!(came.is_ok(), "nobody comes to the gate");
    }

    /// Lets everything through.
    pub fn open(&self) {
        self.stand.send_replace(Stand::Open);
    }
}

async fn carry(
    mut client: TcpStream,
    target: SocketAddr,
    words: &str,
    stand: watch::Sender<Stand>,
) {
    let Ok(mut server) = TcpStream::connect(target).await else {
        return;
    };
    let (mut up, mut down) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    loop {
        tokio::select! {
            read = client.read(&mut up) => match read {
                Ok(length) if length > 0 => {
                    let line = up[..length].split(|byte| *byte == b'\r').next().unwrap_or_default();
                    if line.windows(words.len()).any(|part| part == words.as_bytes()) {
                        stand.send_if_modified(|stand| {
                            let is_shut = *stand == Stand::Shut;
                            if is_shut {
                                *stand = Stand::Holding;
                            }
                            is_shut
                        });
                        let mut told = stand.subscribe();
                        if told.wait_for(|stand| *stand == Stand::Open).await.is_err() {
                            return;
                        }
                    }
                    if server.write_all(&up[..length]).await.is_err() {
                        return;
                    }
                }
                _ => return,
            },
            read = server.read(&mut down) => match read {
                Ok(length) if length > 0 => {
                    if client.write_all(&down[..length]).await.is_err() {
                        return;
                    }
                }
                _ => return,
            },
        }
    }
}
