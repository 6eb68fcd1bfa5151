//! `updraft espota HOST FILE`.

mod password;
mod payload;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use serde::Serialize;
use updraft_image::Chip;
use updraft_protocol::espota::{ANSWER_TIMEOUT_MS, Command, DEFAULT_PORT, Hex};

use crate::context::Context;
use crate::error::Failure;
use crate::espota::{Pushed, Session, locate};
use crate::exit::Exit;
use crate::firmware::shown;
use crate::runtime;
use crate::settings::Span;
use crate::text::clean;
use payload::{Gate, Payload};

/// Sends a firmware to one device as the Arduino IDE and its espota tool do, for devices that run an Arduino sketch.
/// The device connects back to this machine, so a firewall or a NAT between the two is in the way; updraft push has no
/// such trouble. The file is checked here first.
#[derive(Debug, Args)]
#[expect(
    clippy::doc_markdown,
    reason = "these comments are shown on terminals, where backticks are noise"
)]
pub(crate) struct Espota {
    /// The device: its address, or its name, such as garden.local
    host: String,
    /// The app's .bin file, or - for stdin
    file: PathBuf,
    /// The device's UDP port
    #[arg(long, value_name = "PORT", default_value_t = DEFAULT_PORT)]
    port: u16,
    /// A file with the device's password, readable by its owner only [env: UPDRAFT_ESPOTA_PASSWORD, the password itself]
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// The file is an image of the device's file system, not an app
    #[arg(long)]
    filesystem: bool,
    /// The chip the app must be for, such as esp32c3; the device cannot be asked
    #[arg(long, conflicts_with = "filesystem")]
    chip: Option<Chip>,
    /// The TCP port of this machine the device connects to [default: any free one]
    #[arg(long, value_name = "PORT")]
    host_port: Option<u16>,
    /// The address of this machine to send from and listen on [default: by the way to the device]
    #[arg(long, value_name = "ADDRESS")]
    host_ip: Option<IpAddr>,
    /// How long to wait for each of the device's answers, such as 10s; an invitation is sent ten times
    #[arg(long, value_name = "TIME")]
    timeout: Option<Span>,
    /// Send the file whatever it is: a device may not come back from it without a cable
    #[arg(long)]
    dangerously_skip_image_checks: bool,
}

impl Espota {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let gate = match (self.dangerously_skip_image_checks, self.filesystem) {
            (true, _) => Gate::None,
            (false, true) => Gate::Filesystem,
            (false, false) => Gate::App(self.chip),
        };
        let payload = Payload::read(&self.file, gate)?;
        let password = password::read(self.password_file.as_deref())?;
        if matches!(gate, Gate::None) {
            context
                .output
                .warn("the file was not checked: the device may not start again");
        }
        runtime::client(async {
            let device = locate(&self.host, self.port, self.host_ip).await?;
            let session = Session {
                device,
                host_ip: self.host_ip,
                host_port: self.host_port.unwrap_or(0),
                command: self.command(),
                content: &payload.content,
                md5: payload.md5,
                password: password.as_ref().map(password::Password::expose),
                timeout: self.timeout(),
            };
            let begin = Instant::now();
            let name = clean(&format!("sending to {}", self.host));
            let progress = context.transfer(&name, payload.content.len() as u64);
            let pushed = session.push(&progress).await;
            progress.end();
            self.report(context, &payload, device, &pushed?, begin.elapsed())
        })
    }

    const fn command(&self) -> Command {
        if self.filesystem {
            Command::Filesystem
        } else {
            Command::Flash
        }
    }

    fn timeout(&self) -> Duration {
        self.timeout.map_or(
            Duration::from_millis(ANSWER_TIMEOUT_MS.into()),
            |Span(time)| time,
        )
    }

    fn report(
        &self,
        context: &Context,
        payload: &Payload,
        device: SocketAddr,
        pushed: &Pushed,
        took: Duration,
    ) -> Result<Exit, Failure> {
        let app = payload.facts.as_ref().map(|facts| &facts.head.app);
        let report = Report {
            outcome: "sent",
            host: &self.host,
            address: device,
            file: self.file.display().to_string(),
            kind: if self.filesystem { "filesystem" } else { "app" },
            project: app.and_then(|app| app.project_name().ok()),
            version: app.and_then(|app| app.version().ok()),
            size: payload.content.len(),
            md5: Hex::of_16(&payload.md5).to_string(),
            authentication: pushed.authentication,
            invitations: pushed.invitations,
            milliseconds: took.as_millis() as u64,
        };
        context.output.data(&report, |report| {
            let what = match (report.project, report.version) {
                (Some(project), Some(version)) => format!("{project} {version}, "),
                _ => String::new(),
            };
            let Report { host, size, .. } = report;
            let file = shown(&self.file);
            clean(&format!("{file}: {what}{size} bytes sent to {host}")) + "\n"
        })?;
        context
            .output
            .note("the device accepted all of it and is restarting; espota does not say whether it comes back");
        Ok(Exit::Ok)
    }
}

#[derive(Debug, Serialize)]
struct Report<'a> {
    outcome: &'static str,
    host: &'a str,
    address: SocketAddr,
    file: String,
    kind: &'static str,
    project: Option<&'a str>,
    version: Option<&'a str>,
    size: usize,
    md5: String,
    authentication: &'static str,
    invitations: u32,
    milliseconds: u64,
}
