//! Running the real binary in surroundings of its own: no settings of this machine reach it.
#![allow(
    dead_code,
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    reason = "each test binary uses its part of these"
)]

pub mod server;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What a run left behind.
pub struct Run {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// The binary, its folder and its environment.
pub struct Updraft {
    command: Command,
    stdin: Vec<u8>,
    home: tempfile::TempDir,
}

impl Updraft {
    pub fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_updraft"));
        command
            .env_clear()
            .env("HOME", home.path())
            .current_dir(home.path());
        Self {
            command,
            stdin: Vec::new(),
            home,
        }
    }

    /// The folder that is its home and, unless told otherwise, its working folder.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    pub fn folder(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    pub fn env(mut self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub fn stdin(mut self, bytes: &[u8]) -> Self {
        self.stdin = bytes.to_vec();
        self
    }

    /// Runs to the end.
    pub fn run(self, arguments: &[&str]) -> Run {
        self.run_keeping(arguments, || ()).0
    }

    /// Runs to the end and looks around before the folder is removed.
    pub fn run_keeping<T>(mut self, arguments: &[&str], look: impl FnOnce() -> T) -> (Run, T) {
        let mut child = self
            .command
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut pipe = child.stdin.take().unwrap();
        let bytes = std::mem::take(&mut self.stdin);
        // Written aside, because the child may answer before it has read all.
        let writer = std::thread::spawn(move || {
            // A child that has seen enough closes its end.
            let _ = pipe.write_all(&bytes);
        });
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        let run = Run {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        };
        let seen = look();
        drop(self.home);
        (run, seen)
    }
}

/// The repository's root.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A real firmware image, or what lies beside them.
pub fn fixture(name: &str) -> String {
    let path = repository().join("fixtures/firmware").join(name);
    path.to_str().unwrap().to_owned()
}

/// The bytes of such a file.
pub fn fixture_bytes(name: &str) -> Vec<u8> {
    std::fs::read(fixture(name)).unwrap()
}

/// Exactly one JSON document.
pub fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in {text:?}"))
}
