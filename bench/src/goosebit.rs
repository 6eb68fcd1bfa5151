//! gooseBit, a fleet server in Python that speaks hawkBit's device interface, with a token for each device, as its
//! documentation runs it.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::{Result, command, http};

/// How long it may take to listen: it imports a lot.
const PATIENCE: Duration = Duration::from_mins(1);

/// Makes the tables its migrations would.
const TABLES: &str = "\
import asyncio
from tortoise import Tortoise
from goosebit.db.config import TORTOISE_CONF
async def make():
    await Tortoise.init(config=TORTOISE_CONF)
    await Tortoise.generate_schemas()
    await Tortoise.close_connections()
asyncio.run(make())
";

/// A running gooseBit. It ends, and its folder is removed, when dropped.
#[derive(Debug)]
pub(crate) struct Goosebit {
    pub(crate) address: SocketAddr,
    process: Child,
    _folder: TempDir,
}

/// Where a device asks.
pub(crate) fn path(device: &str) -> String {
    format!("/DEFAULT/controller/v1/{device}")
}

/// Longest token it takes, in characters.
const MAX_TOKEN: usize = 32;

/// What a device shows.
pub(crate) fn authorization(token: &str) -> String {
    let token = token.get(..MAX_TOKEN).unwrap_or(token);
    format!("TargetToken {token}")
}

impl Goosebit {
    /// The Python environment it is installed in, as `scripts/bench` found it.
    pub(crate) fn python() -> Option<PathBuf> {
        let path = std::env::var_os("UPDRAFT_GOOSEBIT_PYTHON")?;
        Some(PathBuf::from(path)).filter(|path| path.is_file())
    }

    /// Starts one on a free port of loopback.
    pub(crate) async fn start(python: &std::path::Path) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("updraft-goosebit-")
            .tempdir()?;
        let python = || {
            let mut command = Command::new(python);
            command
                .current_dir(folder.path())
                .env(
                    "GOOSEBIT_DB_URI",
                    format!("sqlite://{}/db.sqlite3", folder.path().display()),
                )
                .env("GOOSEBIT_ARTIFACTS_DIR", folder.path().join("artifacts"))
                .env("GOOSEBIT_DEVICE_AUTH__ENABLE", "true")
                .env("GOOSEBIT_DEVICE_AUTH__MODE", "setup");
            command
        };
        command::output(python().args(["-c", TABLES])).await?;
        // A port that is free now; it wants to be told one.
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let log = std::fs::File::create(folder.path().join("log"))?;
        let process = python()
            .args(["-m", "uvicorn", "goosebit:app", "--host", "127.0.0.1"])
            .args(["--no-access-log", "--port", &address.port().to_string()])
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true)
            .spawn()?;
        tokio::time::timeout(PATIENCE, async {
            while TcpStream::connect(address).await.is_err() {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        })
        .await
        .map_err(|_| "gooseBit does not listen")?;
        Ok(Self {
            address,
            process,
            _folder: folder,
        })
    }

    /// Makes a device known by its token, and registers it: one that is not is answered sooner.
    pub(crate) async fn register(&self, device: &str, token: &str) -> Result<()> {
        let authorization = authorization(token);
        let headers = [("Authorization", authorization.as_str())];
        let path = path(device);
        http::get(self.address, &path, &headers).await?;
        let data = json!({ "data": { "hw_revision": "1", "sw_version": "1.0.0" } });
        let path = format!("{path}/configData");
        http::send(self.address, "PUT", &path, &headers, &data).await?;
        Ok(())
    }

    /// Its process.
    pub(crate) fn pid(&self) -> Result<u32> {
        self.process.id().ok_or_else(|| "gooseBit has ended".into())
    }
}
