//! `updraft serve` as its users run it: a process of its own, with its defaults.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde::Deserialize;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::http::{self, Answer};
use crate::image::{self, NEW};
use crate::{Result, command};

/// What the bench's devices are.
pub(crate) const DEVICE_TYPE: &str = "esp32c3";

/// The bench's one named device.
pub(crate) const DEVICE: &str = "bench-device";

/// What there is to install.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Release {
    /// The real image as it is.
    Fixture,
    /// The real image made longer.
    OneMib,
}

/// A server with a folder of its own. Both are gone when it is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    updraft: PathBuf,
    pub(crate) address: SocketAddr,
    admin_token: String,
    pub(crate) enrolment_key: String,
    process: Child,
    folder: TempDir,
}

#[derive(Deserialize)]
struct Ready {
    listen: SocketAddr,
}

#[derive(Deserialize)]
struct Enrolled {
    token: String,
}

impl Server {
    /// Starts one on a free port of loopback.
    pub(crate) async fn start(updraft: &Path) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("updraft-bench-")
            .tempdir()?;
        let (admin_token, enrolment_key) = (secret()?, secret()?);
        let log = fs::File::create(folder.path().join("log"))?;
        let mut process = Command::new(updraft)
            .args(["serve", "--json", "--listen", "127.0.0.1:0", "--data"])
            .arg(folder.path().join("data"))
            .env("UPDRAFT_ADMIN_TOKEN", &admin_token)
            .env("UPDRAFT_ENROLMENT_KEY", &enrolment_key)
            .env("UPDRAFT_MQTT", "off")
            // A configuration of this machine's is not what is measured.
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("{}: {error}", updraft.display()))?;
        let stdout = process.stdout.take().ok_or("the server has no output")?;
        let ready = read_document(stdout).await?;
        Ok(Self {
            updraft: updraft.to_owned(),
            address: ready.listen,
            admin_token,
            enrolment_key,
            process,
            folder,
        })
    }

    /// Its process.
    pub(crate) fn pid(&self) -> Result<u32> {
        self.process
            .id()
            .ok_or_else(|| "the server has ended".into())
    }

    /// An operator's command against it.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.updraft);
        command
            .args(["--json", "--server", &format!("http://{}", self.address)])
            .env("UPDRAFT_TOKEN", &self.admin_token)
            .current_dir(self.folder.path());
        command
    }

    /// Publishes version [`NEW`].
    pub(crate) async fn publish(&self, release: Release) -> Result<()> {
        let file = match release {
            Release::Fixture => fs::canonicalize(image::fixture(NEW))?,
            Release::OneMib => {
                let file = self.folder.path().join("one-mib.bin");
                fs::write(&file, image::one_mib(NEW)?)?;
                file
            }
        };
        let mut command = self.command();
        command
            .args(["release", "publish", "--type", DEVICE_TYPE])
            .arg(file);
        command::output(&mut command).await.map(drop)
    }

    /// A token for [`DEVICE`].
    pub(crate) async fn enrol(&self) -> Result<String> {
        let mut command = self.command();
        command.args(["device", "enrol", DEVICE, "--type", DEVICE_TYPE]);
        let enrolled: Enrolled = serde_json::from_str(&command::output(&mut command).await?)?;
        Ok(enrolled.token)
    }

    /// Asks once.
    pub(crate) async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Result<Answer> {
        http::get(self.address, path, headers).await
    }
}

/// The JSON document that says that the server is ready; it may span lines.
async fn read_document(output: tokio::process::ChildStdout) -> Result<Ready> {
    let mut lines = BufReader::new(output).lines();
    let mut document = String::new();
    while let Some(line) = lines.next_line().await? {
        document.push_str(&line);
        if let Ok(ready) = serde_json::from_str(&document) {
            return Ok(ready);
        }
    }
    Err(format!("the server did not start: {document}").into())
}

/// Thirty-two random bytes in hex.
pub(crate) fn secret() -> Result<String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| error.to_string())?;
    Ok(updraft_protocol::Digest(bytes).to_string())
}
