//! `updraft relay`.

mod announce;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use updraft_server::{Config, DeviceAuth, PublicKey, RelayConfig, Server};

use super::serve::failure;
use super::serve::logging::{self, LogFormat};
use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;
use crate::runtime;
use crate::settings::{DEFAULT_LISTEN, Span};
use crate::signals::Signals;
use crate::size::LargeSize;

/// Runs a relay beside the devices of a site until Ctrl-C or SIGTERM: it answers what they ask as the server would, from
/// the signed snapshot it last had, gives them release files it fetched once, and keeps what they say until the server
/// has it. It works on for days when the server is away.
///
/// Its token has the role relay: updraft token issue NAME --role relay. Give it with --token-file.
#[derive(Debug, Args)]
#[expect(
    clippy::doc_markdown,
    reason = "these comments are shown on terminals, where backticks are noise"
)]
pub(crate) struct Relay {
    /// The server's base URL
    #[arg(long, value_name = "URL", env = "UPDRAFT_RELAY_UPSTREAM")]
    upstream: String,
    /// The folder for the relay's own database, release files and devices' words; made at the first start
    #[arg(long, value_name = "DIR", env = "UPDRAFT_DATA")]
    data: PathBuf,
    /// The address to listen on; port 0 takes a free one [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR:PORT", env = "UPDRAFT_LISTEN")]
    listen: Option<SocketAddr>,
    /// The site whose devices it serves [default: all devices]
    #[arg(long, value_name = "NAME", env = "UPDRAFT_RELAY_SITE")]
    site: Option<String>,
    /// The server's public key, 64 hexadecimal digits; without it, the key the server first names is trusted
    #[arg(long, value_name = "HEX", env = "UPDRAFT_RELAY_UPSTREAM_KEY")]
    upstream_key: Option<PublicKey>,
    /// Most bytes of release files kept, with K, M or G [default: 2G]
    #[arg(long, value_name = "SIZE", env = "UPDRAFT_RELAY_CACHE_SIZE")]
    cache_size: Option<LargeSize>,
    /// Fetch release files only when a device asks for them; when the server is away, what was never asked for is missing
    #[arg(long)]
    no_prefetch: bool,
    /// How often the server is asked for what is new [default: 10s]
    #[arg(long, value_name = "TIME", env = "UPDRAFT_RELAY_POLL")]
    poll: Option<Span>,
    /// How often devices are told to check in [default: as their own settings have it, 300s unless set]
    #[arg(long, value_name = "TIME", env = "UPDRAFT_POLL_INTERVAL")]
    poll_interval: Option<Span>,
    /// Who may use the device endpoints: required (a device's token) or open (everybody) [default: required]
    #[arg(long, value_name = "HOW", env = "UPDRAFT_DEVICE_AUTH", value_parser = PossibleValuesParser::new(["required", "open"]).try_map(|word| word.parse::<DeviceAuth>()))]
    device_auth: Option<DeviceAuth>,
    /// Whether /metrics needs no token [default: only when listening on loopback]
    #[arg(long, value_name = "BOOL", env = "UPDRAFT_METRICS_OPEN", num_args = 0..=1, default_missing_value = "true")]
    metrics_open: Option<bool>,
    /// How log lines look (on stderr)
    #[arg(
        long,
        value_enum,
        value_name = "FORMAT",
        default_value = "text",
        env = "UPDRAFT_LOG_FORMAT"
    )]
    log_format: LogFormat,
    /// What is logged: a level, or levels by module (info,updraft_server=debug)
    #[arg(
        long,
        value_name = "FILTER",
        default_value = "info",
        env = "UPDRAFT_LOG"
    )]
    log: String,
}

impl Relay {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        logging::start(self.log_format, &self.log)?;
        let config = self.config(context)?;
        let told = announce::Told::of(&self, &config);
        runtime::service(async {
            let mut signals = Signals::new()?;
            let running = tokio::select! {
                started = Server::start(config) => started.map_err(|error| failure(&error))?,
                () = signals.next() => return Ok(Exit::Interrupted),
            };
            announce::announce(context, &told, &running)?;
            signals.next().await;
            context
                .output
                .note("shutting down once requests have finished; again to cut them off");
            tokio::select! {
                // What did not finish is in the log.
                _ = running.shutdown() => Ok(Exit::Ok),
                () = signals.next() => Ok(Exit::Interrupted),
            }
        })
    }

    fn config(&self, context: &Context) -> Result<Config, Failure> {
        if !(self.upstream.starts_with("http://") || self.upstream.starts_with("https://")) {
            return Err(Failure::new(
                Exit::Usage,
                "bad_upstream",
                format!("{:?} is no server's address", self.upstream),
            )
            .hint("write it with http:// or https:// before it"));
        }
        let token = context.settings.token()?.ok_or_else(|| {
            Failure::new(Exit::Usage, "no_token", "the relay has no token for its server").hint(
                "issue one there: updraft token issue NAME --role relay; then give it with --token-file FILE",
            )
        })?;
        let mut relay = RelayConfig::new(&self.upstream, token.expose());
        relay.site.clone_from(&self.site);
        relay.upstream_key = self.upstream_key;
        relay.prefetch = !self.no_prefetch;
        if let Some(LargeSize(bytes)) = self.cache_size {
            relay.cache_size = bytes;
        }
        if let Some(Span(poll)) = self.poll {
            relay.poll = poll;
        }
        let mut config = Config::new(&self.data);
        config.listen = self.listen.unwrap_or(SocketAddr::from(DEFAULT_LISTEN));
        config.device_auth = self.device_auth.unwrap_or_default();
        config.metrics_open = self.metrics_open;
        config.poll_interval = self.poll_interval.map(|Span(time)| time);
        config.relay = Some(relay);
        Ok(config)
    }
}
