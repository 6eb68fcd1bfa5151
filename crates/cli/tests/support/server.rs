//! The real server, as the binary runs it, on a free port and a folder of its own.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};

use super::Updraft;

/// A running server.
pub struct Server {
    child: Child,
    /// Where it listens.
    pub url: String,
    /// The URL of the broker inside it.
    pub broker: String,
    folder: tempfile::TempDir,
    arguments: Vec<String>,
}

impl Server {
    /// Starts one and waits until it says where it listens.
    pub fn start(arguments: &[&str]) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), "127.0.0.1:0", arguments)
    }

    fn start_in(folder: tempfile::TempDir, listen: &str, arguments: &[&str]) -> Self {
        let log = File::create(folder.path().join("log")).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_updraft"))
            .env_clear()
            // Tests run beside each other.
            .env("UPDRAFT_MQTT_LISTEN", "127.0.0.1:0")
            .current_dir(folder.path())
            .args(["serve", "--json", "--data", "data", "--listen", listen])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let stdout = child.stdout.take().unwrap();
        let mut documents = serde_json::Deserializer::from_reader(stdout).into_iter();
        let first: Option<Result<serde_json::Value, _>> = documents.next();
        let Some(Ok(ready)) = first else {
            let log = fs::read_to_string(folder.path().join("log")).unwrap();
            panic!("the server did not start: {log}");
        };
        Self {
            url: ready["url"].as_str().unwrap().to_owned(),
            broker: format!("mqtt://{}", ready["mqtt"].as_str().unwrap_or_default()),
            child,
            folder,
            arguments: arguments.iter().map(ToString::to_string).collect(),
        }
    }

    /// Starts it again on the same folder, after it was stopped.
    pub fn again(mut self) -> Self {
        let other = tempfile::tempdir().unwrap();
        let folder = std::mem::replace(&mut self.folder, other);
        Self::start_in(folder, "127.0.0.1:0", &[])
    }

    /// Kills it without a word and starts it again where it was, as a service manager does.
    pub fn kill_and_start_again(&mut self) {
        // Killed already where a test did it at a moment of its own.
        let _ = self.child.kill();
        self.child.wait().unwrap();
        let other = tempfile::tempdir().unwrap();
        let folder = std::mem::replace(&mut self.folder, other);
        let listen = self.url.strip_prefix("http://").unwrap();
        let arguments: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
        *self = Self::start_in(folder, listen, &arguments);
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to end, as a service manager does, and waits until it has.
    pub fn stop(&mut self) -> ExitStatus {
        let pid = self.child.id().to_string();
        let asked = Command::new("kill").args(["-TERM", &pid]).status().unwrap();
        assert!(asked.success());
        self.child.wait().unwrap()
    }

    /// Its data folder.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// What it said on stderr so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    /// A command line for this server, with the administrator's token.
    pub fn admin(&self) -> Updraft {
        self.anybody()
            .env("UPDRAFT_TOKEN_FILE", self.data().join("admin-token"))
    }

    /// A command line for this server, with this token.
    pub fn with(&self, token: &str) -> Updraft {
        self.anybody().env("UPDRAFT_TOKEN", token)
    }

    /// A command line for this server, without a token.
    pub fn anybody(&self) -> Updraft {
        Updraft::new().env("UPDRAFT_SERVER", &self.url)
    }

    /// What it answers to a `GET` with this token, whatever the status.
    pub fn get(&self, path: &str, token: &str) -> String {
        let host = self.url.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(host).unwrap();
        write!(
            stream,
            "GET {path} HTTP/1.0\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        body.to_owned()
    }

    /// Sends a JSON body as a device would, with a token unless it is empty, and returns the answer's status
    /// and body.
    pub fn post(&self, path: &str, token: &str, body: &str) -> (u16, String) {
        self.try_post(path, token, body).unwrap()
    }

    /// The same at a server that may be killed at it; `None` if there was no whole answer.
    pub fn try_post(&self, path: &str, token: &str, body: &str) -> Option<(u16, String)> {
        let host = self.url.strip_prefix("http://").unwrap();
        let authorization = match token {
            "" => String::new(),
            token => format!("Authorization: Bearer {token}\r\n"),
        };
        let mut stream = TcpStream::connect(host).ok()?;
        write!(
            stream,
            "POST {path} HTTP/1.1\r\nHost: {host}\r\n{authorization}Connection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let status = answer.split(' ').nth(1)?.parse().ok()?;
        let (_, body) = answer.split_once("\r\n\r\n")?;
        Some((status, body.to_owned()))
    }
}

/// Runs a server as a person would, ends it once it has said what to do next, and returns what it said.
pub fn until_ready(arguments: &[&str]) -> String {
    let home = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_updraft"))
        .env_clear()
        .env("UPDRAFT_MQTT_LISTEN", "127.0.0.1:0")
        .current_dir(home.path())
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    for line in BufReader::new(child.stderr.take().unwrap()).lines() {
        let line = line.unwrap();
        said += &line;
        said += "\n";
        if line.contains("release publish") {
            let pid = child.id().to_string();
            Command::new("kill").args(["-TERM", &pid]).status().unwrap();
        }
    }
    assert!(child.wait().unwrap().success(), "{said}");
    said
}

impl Drop for Server {
    fn drop(&mut self) {
        // Ended already where a test stopped it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
