//! What a relay says when it is ready.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Serialize;
use updraft_server::{Config, Running};

use super::Relay;
use crate::commands::serve::announce::reachable;
use crate::context::Context;
use crate::error::Failure;

/// What is repeated of the configuration, which the server takes.
#[derive(Debug)]
pub(super) struct Told {
    data: PathBuf,
    upstream: String,
    site: Option<String>,
    device_auth: &'static str,
}

impl Told {
    pub(super) fn of(relay: &Relay, config: &Config) -> Self {
        Self {
            data: config.data_dir.clone(),
            upstream: relay.upstream.clone(),
            site: relay.site.clone(),
            device_auth: config.device_auth.as_str(),
        }
    }
}

/// The JSON document, for whoever started the relay on port 0.
#[derive(Debug, Serialize)]
struct Ready<'a> {
    /// Where it is reached from this machine.
    url: String,
    /// Where it listens.
    listen: SocketAddr,
    data: &'a Path,
    upstream: &'a str,
    site: Option<&'a str>,
    device_auth: &'static str,
}

/// Says that the relay is ready, where, and where to look.
pub(super) fn announce(context: &Context, told: &Told, running: &Running) -> Result<(), Failure> {
    let ready = Ready {
        url: format!("http://{}", reachable(running.local_addr)),
        listen: running.local_addr,
        data: &told.data,
        upstream: &told.upstream,
        site: told.site.as_deref(),
        device_auth: told.device_auth,
    };
    if !running.local_addr.ip().is_loopback() {
        context.output.warn(
            "this relay speaks plain HTTP and listens beyond this machine: keep it on the devices' own network",
        );
    }
    context.output.data(&ready, |_| String::new())?;
    let version = env!("CARGO_PKG_VERSION");
    for line in [
        format!(
            "updraft {version} relays {} at {}",
            ready.upstream, ready.url
        ),
        format!("  data         {}", ready.data.display()),
        format!("  site         {}", ready.site.unwrap_or("all devices")),
        format!("  device auth  {}", ready.device_auth),
        format!("  how it is    {}/healthz", ready.url),
    ] {
        context.output.note(&line);
    }
    Ok(())
}
