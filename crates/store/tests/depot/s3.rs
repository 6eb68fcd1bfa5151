//! A real S3 server on 127.0.0.1: `s3s-fs`, with credentials made for it. Other crates' tests include this file.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use s3s_fs::FileSystem;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use updraft_protocol::Digest;

/// The bucket that is there at the start.
pub const BUCKET: &str = "firmware";

/// A running S3 server. Dropped, it ends.
pub struct S3Server {
    pub address: SocketAddr,
    pub key_id: String,
    pub secret: String,
    folder: TempDir,
    // Of its own, so that it serves tests that block, too.
    runtime: Option<Runtime>,
}

/// So many random hexadecimal digits, 64 at most.
fn random(length: usize) -> String {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).unwrap();
    Digest(bytes).to_string()[..length].to_owned()
}

impl S3Server {
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("data").join(BUCKET)).unwrap();
        let (key_id, secret) = (random(20), random(40));
        let files = FileSystem::new(folder.path().join("data")).unwrap();
        let mut service = S3ServiceBuilder::new(files);
        service.set_auth(SimpleAuth::from_single(key_id.clone(), secret.clone()));
        let service = service.build();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(async move {
            let listener = TcpListener::from_std(listener).unwrap();
            loop {
                let Ok((socket, _)) = listener.accept().await else {
                    continue;
                };
                let service = service.clone();
                tokio::spawn(async move {
                    let _ = Builder::new(TokioExecutor::new())
                        .serve_connection(TokioIo::new(socket), service)
                        .await;
                });
            }
        });
        let server = Self {
            address,
            key_id,
            secret,
            folder,
            runtime: Some(runtime),
        };
        std::fs::write(
            server.credentials_file(),
            format!(
                "[other]\naws_access_key_id = wrong\naws_secret_access_key = wrong\n\
                 [default]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
                server.key_id, server.secret
            ),
        )
        .unwrap();
        server
    }

    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A credentials file that opens it.
    pub fn credentials_file(&self) -> PathBuf {
        self.folder.path().join("credentials")
    }

    /// Where it keeps the bucket's objects, one file each.
    pub fn objects(&self) -> PathBuf {
        self.folder.path().join("data").join(BUCKET)
    }

    /// Where it keeps an object.
    pub fn object(&self, key: &str) -> PathBuf {
        self.objects().join(Path::new(key))
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
