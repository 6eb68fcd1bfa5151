//! `updraft push HOST FILE`.

mod deliver;
mod gate;
mod payload;
mod report;
mod watch;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use updraft_protocol::local::LocalStatus;

use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;
use crate::local::{Local, Upload, locate, refused};
use crate::runtime;
use crate::settings::Span;
use deliver::{Delivered, Delivery};
use payload::{Kind, Payload};
use report::Report;
use watch::{Ending, Watch};

/// The port devices take updates on, as seed 001 sets it.
const DEFAULT_PORT: u16 = 3232;

/// How long the device may take for its reboot and until the new app is confirmed: ten stability windows.
const TIMEOUT: Duration = Duration::from_mins(5);

/// The same where a browser has to confirm: the device gives it ten minutes.
const BROWSER_TIMEOUT: Duration = Duration::from_mins(12);

/// Who confirms a new frontend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Confirm {
    /// A browser that has loaded it, within ten minutes
    Browser,
}

/// Sends a firmware to one device of the local network, waits until it runs and is confirmed, and says which version
/// runs, or that it rolled back and why. The file is checked here first. Without --token-file the device's token is
/// that of UPDRAFT_PUSH_TOKEN; the server's is never shown to a device. Exit codes: 0 confirmed, 3 token missing or
/// wrong, 4 no such file, 6 refused by this program or by the device, 7 the device failed, 8 rolled back, 9 unreachable
/// or timed out.
#[derive(Debug, Args)]
#[expect(
    clippy::doc_markdown,
    reason = "these comments are shown on terminals, where backticks are noise"
)]
pub(crate) struct Push {
    /// The device: its name (garden, garden.local) or address, with :PORT or without
    host: String,
    /// The app's .bin file, or the image of a frontend with --frontend; - for stdin
    file: PathBuf,
    /// The device's TCP port, where HOST names none
    #[arg(long, value_name = "PORT", default_value_t = DEFAULT_PORT)]
    port: u16,
    /// Send a version lower than the running one
    #[arg(long, conflicts_with = "frontend")]
    allow_downgrade: bool,
    /// The file is the image of a frontend, made by updraft www pack
    #[arg(long)]
    frontend: bool,
    /// The new frontend is kept only if this confirms it [default: the device's own check of every file]
    #[arg(long, value_enum, requires = "frontend")]
    confirm: Option<Confirm>,
    /// End when the device restarts; what comes of it is then not known
    #[arg(long)]
    no_wait: bool,
    /// How long to wait, once all is sent, for the reboot and the confirmation [default: 5m; 12m with --confirm browser]
    #[arg(long, value_name = "TIME", conflicts_with = "no_wait")]
    timeout: Option<Span>,
}

impl Push {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let kind = if self.frontend {
            Kind::Frontend
        } else {
            Kind::App
        };
        let payload = Payload::read(&self.file, kind)?;
        let token = context.settings.push_token()?;
        runtime::client(async {
            let address = locate(&self.host, self.port).await?;
            self.push(context, &Local::new(address, token), &payload)
                .await
        })
    }

    async fn push(
        &self,
        context: &Context,
        local: &Local,
        payload: &Payload,
    ) -> Result<Exit, Failure> {
        let began = Instant::now();
        let before = local.status().await?;
        gate::check_device(&self.host, &before, local.has_token())?;
        gate::check_payload(&self.file, payload, &before, self.allow_downgrade)?;
        let upload = Upload {
            path: self.path(),
            content: payload.content.clone(),
            sha256: payload.sha256,
            allow_downgrade: self.allow_downgrade,
        };
        let delivery = deliver::deliver(context, &self.host, local, &upload).await?;
        let answered = self.judge(local, &before, &delivery).await?;
        let report = Report {
            host: &self.host,
            address: local.address,
            kind: payload.kind.word(),
            pushed: payload.version.as_deref(),
            bytes: payload.content.len(),
            began,
        };
        if self.no_wait && answered {
            let slot = delivery.slot.as_deref();
            report.rebooting(context, slot.or_else(|| payload.target(&before)))?;
            return Ok(Exit::Ok);
        }
        let watch = Watch::new(context, local, &self.host, payload, &before, answered);
        let timeout = self.timeout.map_or_else(
            || match self.confirm {
                Some(Confirm::Browser) => BROWSER_TIMEOUT,
                None => TIMEOUT,
            },
            |Span(time)| time,
        );
        match watch.to_the_end(&delivery, timeout).await? {
            Ending::Confirmed(status) => {
                report.confirmed(context, &status)?;
                Ok(Exit::Ok)
            }
            Ending::Gone { status, why } => {
                Err(report.rolled_back(context, &status, why.as_ref())?)
            }
        }
    }

    const fn path(&self) -> &'static str {
        match (self.frontend, self.confirm) {
            (false, _) => "/update",
            (true, None) => "/api/ota/frontend",
            (true, Some(Confirm::Browser)) => "/api/ota/frontend?confirm=browser",
        }
    }

    /// Whether the device said that it took all of it. It did not say so when the connection was cut behind the last
    /// byte, which a restart may have done. Everything else is a failure.
    async fn judge(
        &self,
        local: &Local,
        before: &LocalStatus,
        delivery: &Delivery,
    ) -> Result<bool, Failure> {
        match &delivery.delivered {
            Delivered::Answered(answer) if answer.status.is_success() => Ok(true),
            Delivered::Answered(answer) => Err(refused(&self.host, answer)),
            Delivered::Cut { .. } if delivery.sent == delivery.total => Ok(false),
            Delivered::Cut { reason } => {
                Err(deliver::cut_short(&self.host, local, before, delivery, reason).await)
            }
            Delivered::Silent { waited } => Err(deliver::silent(&self.host, delivery, *waited)),
        }
    }
}
