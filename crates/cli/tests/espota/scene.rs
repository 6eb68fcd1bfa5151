//! The device in Python, and one push to it.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::support::{Run, Updraft, fixture};

/// The app that is sent where it does not matter which.
pub(crate) fn app() -> String {
    fixture("updraft-c3-1.0.0.bin")
}

/// The device, which serves one update and ends.
pub(crate) struct Device {
    child: Child,
    stdout: BufReader<ChildStdout>,
    /// Its UDP port.
    pub(crate) port: String,
}

impl Device {
    /// Starts it; `None` where there is no Python, which only CI does not accept.
    pub(crate) fn start(options: &[&str]) -> Option<Self> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/espota/device.py");
        let spawned = Command::new("python3")
            .arg(script)
            .args(options)
            .stdout(Stdio::piped())
            .spawn();
        let mut child = match spawned {
            Ok(child) => child,
            Err(error) => {
                assert_ne!(
                    std::env::var("CI").as_deref(),
                    Ok("true"),
                    "python3: {error}"
                );
                println!("skipped: python3 did not start: {error}");
                return None;
            }
        };
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut port = String::new();
        stdout.read_line(&mut port).unwrap();
        Some(Self {
            child,
            stdout,
            port: port.trim().to_owned(),
        })
    }

    /// What it made of the update.
    pub(crate) fn account(mut self) -> serde_json::Value {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        crate::support::json(&line)
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends `file` to the device, with these options.
pub(crate) fn send(updraft: Updraft, device: &Device, file: &str, options: &[&str]) -> Run {
    let mut arguments = vec!["espota", "127.0.0.1", file, "--port", &device.port];
    arguments.extend(options);
    updraft.run(&arguments)
}

/// A run in an environment where the password is known.
pub(crate) fn knowing(password: &str) -> Updraft {
    Updraft::new().env("UPDRAFT_ESPOTA_PASSWORD", password)
}
