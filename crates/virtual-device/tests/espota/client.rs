//! The independent client, which the command line's tests share. It needs nothing but Python's standard library.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The image `updraft-{name}.bin`, such as `c3-1.1.0`.
pub(crate) fn image(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fixtures/firmware")
        .join(format!("updraft-{name}.bin"))
}

/// A client at work.
pub(crate) struct Client(Child);

impl Client {
    /// Sends `file` to the device; `None` where there is no Python, which only CI does not accept.
    pub(crate) fn start(device: SocketAddr, file: &Path, options: &[&str]) -> Option<Self> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../cli/tests/espota/client.py");
        let spawned = Command::new("python3")
            .arg(script)
            .arg(device.ip().to_string())
            .arg(file)
            .args(["--port", &device.port().to_string()])
            .args(options)
            .stdout(Stdio::piped())
            .spawn();
        match spawned {
            Ok(child) => Some(Self(child)),
            Err(error) => {
                assert_ne!(
                    std::env::var("CI").as_deref(),
                    Ok("true"),
                    "python3: {error}"
                );
                println!("skipped: python3 did not start: {error}");
                None
            }
        }
    }

    /// The client's own account, once it has ended.
    pub(crate) fn account(self) -> serde_json::Value {
        let output = self.0.wait_with_output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {text:?}"))
    }
}

/// Sends `file` to the device, to the end.
pub(crate) fn send(device: SocketAddr, file: &Path, options: &[&str]) -> Option<serde_json::Value> {
    Client::start(device, file, options).map(Client::account)
}
