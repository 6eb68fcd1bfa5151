//! nginx with the same answers in files, set up as its own documentation advises for static files.

use std::fmt::Write as _;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::http::Answer;
use crate::{Result, command};

/// How long nginx may take to listen.
const PATIENCE: Duration = Duration::from_secs(5);

/// Headers that nginx makes itself, or that belong to one connection.
const ITS_OWN: [&str; 5] = [
    "content-length",
    "content-type",
    "date",
    "connection",
    "accept-ranges",
];

/// An nginx that serves one answer. It is stopped, and its folder removed, when dropped.
#[derive(Debug)]
pub(crate) struct Nginx {
    program: PathBuf,
    pub(crate) address: SocketAddr,
    folder: TempDir,
}

impl Nginx {
    /// Serves `answer` at `/file` from a file, with the headers it came with.
    pub(crate) async fn start(answer: &Answer) -> Result<Self> {
        let program = command::find("nginx").ok_or("nginx is not installed")?;
        let folder = tempfile::Builder::new()
            .prefix("updraft-nginx-")
            .tempdir()?;
        fs::write(folder.path().join("file"), &answer.body)?;
        // A port that is free now; nginx wants to be told one.
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        fs::write(
            folder.path().join("nginx.conf"),
            configuration(&folder.path().to_string_lossy(), address, answer)?,
        )?;
        let nginx = Self {
            program,
            address,
            folder,
        };
        // It puts itself into the background once it listens.
        let started = nginx.command().status()?;
        if !started.success() {
            return Err("nginx did not start".into());
        }
        tokio::time::timeout(PATIENCE, async {
            while TcpStream::connect(address).await.is_err() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await
        .map_err(|_| "nginx does not listen")?;
        Ok(nginx)
    }

    fn command(&self) -> Command {
        let folder = self.folder.path();
        let mut command = Command::new(&self.program);
        command
            .arg("-p")
            .arg(folder)
            .arg("-c")
            .arg(folder.join("nginx.conf"))
            .arg("-e")
            .arg(folder.join("error.log"))
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        command
    }
}

impl Nginx {
    /// Its master process.
    pub(crate) fn pid(&self) -> Result<u32> {
        let pid = fs::read_to_string(self.folder.path().join("nginx.pid"))?;
        Ok(pid.trim().parse()?)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // There is nobody left to tell that it would not stop.
        let _ = self.command().args(["-s", "stop"]).status();
        // The folder goes next, and nginx removes its own file in it last: wait for that.
        let pid = self.folder.path().join("nginx.pid");
        for _ in 0..100 {
            if !pid.exists() {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn configuration(folder: &str, address: SocketAddr, answer: &Answer) -> Result<String> {
    let mut headers = String::new();
    let mut content_type = "application/octet-stream";
    let mut ranges = "max_ranges 0;";
    for (name, value) in &answer.headers {
        let name = name.to_ascii_lowercase();
        match name.as_str() {
            "content-type" => content_type = value,
            "accept-ranges" => ranges = "",
            _ => {}
        }
        if !ITS_OWN.contains(&name.as_str()) {
            let value = value.replace('"', "\\\"");
            writeln!(headers, "add_header {name} \"{value}\";")?;
        }
    }
    Ok(format!(
        r#"
user root;
worker_processes auto;
pid {folder}/nginx.pid;
events {{ worker_connections 4096; }}
http {{
    client_body_temp_path {folder}/t1;
    proxy_temp_path {folder}/t2;
    fastcgi_temp_path {folder}/t3;
    uwsgi_temp_path {folder}/t4;
    scgi_temp_path {folder}/t5;
    access_log off;
    server_tokens off;
    sendfile on;
    tcp_nopush on;
    tcp_nodelay on;
    open_file_cache max=1000 inactive=60s;
    open_file_cache_valid 60s;
    keepalive_timeout 65;
    keepalive_requests 1000000000;
    default_type "{content_type}";
    server {{
        listen {address};
        root {folder};
        etag off;
        if_modified_since off;
        add_header Last-Modified "";
        {ranges}
        {headers}
    }}
}}
"#
    ))
}
