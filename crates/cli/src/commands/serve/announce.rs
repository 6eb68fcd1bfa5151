//! What a server says when it is ready.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use serde::Serialize;
use updraft_server::{Config, DeviceAuth, Running, Secret, SecretSource};

use crate::context::Context;
use crate::error::Failure;

/// What is repeated of the configuration, which the server takes.
#[derive(Debug)]
pub(super) struct Told {
    data: PathBuf,
    device_auth: DeviceAuth,
}

impl Told {
    pub(super) fn of(config: &Config) -> Self {
        Self {
            data: config.data_dir.clone(),
            device_auth: config.device_auth,
        }
    }
}

/// The JSON document, for whoever started the server on port 0.
#[derive(Debug, Serialize)]
struct Ready<'a> {
    /// Where it is reached from this machine.
    url: String,
    /// Where it listens.
    listen: SocketAddr,
    /// Where its MQTT broker listens; null without one.
    mqtt: Option<SocketAddr>,
    data: &'a Path,
    device_auth: &'static str,
    /// The file with the administrator's token; null if the token was given, or another node has it.
    admin_token_file: Option<&'a Path>,
    /// The file with the enrolment key; null if the key was given, or another node has it.
    enrolment_key_file: Option<&'a Path>,
}

fn file_of(secret: &Secret) -> Option<&Path> {
    match &secret.source {
        SecretSource::Given | SecretSource::Elsewhere => None,
        SecretSource::Generated(file) | SecretSource::Kept(file) => Some(file),
    }
}

/// Says that the server is ready, where, and what to do next.
pub(super) fn announce(context: &Context, told: &Told, running: &Running) -> Result<(), Failure> {
    let ready = Ready {
        url: format!("http://{}", reachable(running.local_addr)),
        listen: running.local_addr,
        mqtt: running.mqtt_addr,
        data: &told.data,
        device_auth: told.device_auth.as_str(),
        admin_token_file: file_of(&running.admin_token),
        enrolment_key_file: file_of(&running.enrolment_key),
    };
    if !running.local_addr.ip().is_loopback() {
        context.output.warn(
            "this server speaks plain HTTP and listens beyond this machine: put a proxy with TLS before \
             it wherever others can listen in",
        );
    }
    // For people everything is on stderr, beside the log.
    context.output.data(&ready, |_| String::new())?;
    for line in lines(&ready, running) {
        context.output.note(&line);
    }
    Ok(())
}

fn lines(ready: &Ready<'_>, running: &Running) -> Vec<String> {
    let mut lines = vec![
        format!("updraft {} serves {}", env!("CARGO_PKG_VERSION"), ready.url),
        format!("  data           {}", ready.data.display()),
        format!("  device auth    {}", device_auth(ready.device_auth)),
        format!("  admin token    {}", shown(&running.admin_token)),
        format!("  enrolment key  {}", shown(&running.enrolment_key)),
        "next, in another terminal:".to_owned(),
    ];
    if let Some(mqtt) = ready.mqtt {
        lines.insert(
            2,
            format!("  mqtt           {mqtt} (a device logs in with its id and its own token)"),
        );
    }
    if ready.url != crate::settings::DEFAULT_SERVER {
        lines.push(format!("  export UPDRAFT_SERVER={}", ready.url));
    }
    match ready.admin_token_file {
        Some(file) => lines.push(format!(
            "  export UPDRAFT_TOKEN_FILE={}",
            absolute(file).display()
        )),
        None => lines.push(
            "  export UPDRAFT_TOKEN=... (the one this server was given, or the first node made)"
                .to_owned(),
        ),
    }
    lines.push("  updraft release publish FIRMWARE.bin --type TYPE".to_owned());
    lines
}

/// What the word means for whoever started the server. The log warns besides.
fn device_auth(word: &str) -> &str {
    if word == DeviceAuth::Open.as_str() {
        "OPEN: whoever reaches this server can act as any device; for trusted networks only"
    } else {
        word
    }
}

/// A secret is shown at the start that made it, and never again.
fn shown(secret: &Secret) -> String {
    match &secret.source {
        SecretSource::Given => "as given".to_owned(),
        SecretSource::Generated(file) => format!(
            "{} (shown this once, kept in {})",
            secret.reveal(),
            file.display()
        ),
        SecretSource::Kept(file) => format!("in {}", file.display()),
        SecretSource::Elsewhere => "with the node that made it".to_owned(),
    }
}

/// The other terminal may be in another folder.
fn absolute(file: &Path) -> PathBuf {
    std::path::absolute(file).unwrap_or_else(|_| file.into())
}

/// An address that listens everywhere is reached at this machine's own.
pub(in crate::commands) fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}
