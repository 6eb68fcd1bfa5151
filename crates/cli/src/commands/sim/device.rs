//! `updraft sim device`.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use clap::Args;
use serde::Serialize;
use updraft_protocol::DeviceId;
use updraft_virtual_device::device::{DeviceError, VirtualDevice};
use updraft_virtual_device::event::{DeviceEvent, Observer};

use super::local::LocalOptions;
use super::options::{DeviceOptions, default_id};
use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;
use crate::output::raw;
use crate::signals::Signals;
use crate::text::clean;

/// Runs one virtual device until Ctrl-C, and prints all it does. Its flash is a file: stop it and start it
/// again, and it goes on as a device does that lost its power.
#[derive(Debug, Args)]
pub(crate) struct Device {
    /// The file with the device's flash; a new device is made if there is none
    #[arg(long, value_name = "FILE")]
    flash: PathBuf,
    /// The device's name [default: this machine's and the file's]
    #[arg(long)]
    id: Option<DeviceId>,
    /// A token issued for this device (updraft device enrol), instead of one it gets with the fleet's key
    #[arg(
        long = "device-token",
        value_name = "TOKEN",
        env = "UPDRAFT_DEVICE_TOKEN",
        hide_env_values = true
    )]
    own_token: Option<String>,
    /// A device that is only ever updated by hand: it asks no server
    #[arg(long)]
    no_server: bool,
    /// Boots a new app gets before the old one returns
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=9))]
    boot_attempts: u8,
    #[command(flatten)]
    local: LocalOptions,
    #[command(flatten)]
    options: DeviceOptions,
}

impl Device {
    pub(crate) async fn run(&self, context: &Context) -> Result<Exit, Failure> {
        let id = match &self.id {
            Some(id) => id.clone(),
            None => default_id(&self.flash).parse().map_err(|error| {
                Failure::new(Exit::Usage, "device_id", format!("{error}"))
                    .hint("give the device a name with --id")
            })?,
        };
        let mut settings = self.options.settings(context, id)?;
        settings.token.clone_from(&self.own_token);
        settings.boot_attempts = self.boot_attempts;
        if self.no_server {
            settings.server = None;
        }
        // Before a flash is made that nobody would use.
        let broker = self.options.broker()?;
        let mut device = VirtualDevice::new(self.options.flash_file(&self.flash)?, settings);
        device.boot.rollback = !self.options.bootloader_without_rollback;
        device.speed = self.options.speed;
        device.mqtt = broker;
        device.local = self.local.ports();
        device.push_token = self.local.push_token()?;
        device.espota_password = self.local.espota_password();
        device.announced = self.local.announced(&device.settings.device_id)?;
        device.observer = Arc::new(Log {
            began: Instant::now(),
            speed: self.options.speed,
            json: context.output.is_json(),
        });
        let mut signals = Signals::new()?;
        tokio::select! {
            error = device.run() => Err(stopped(&error)),
            () = signals.next() => Ok(Exit::Interrupted),
        }
    }
}

fn stopped(error: &DeviceError) -> Failure {
    let message = format!("the device stopped: {error}");
    match error {
        DeviceError::Listen(_) => Failure::new(Exit::Failed, "port_taken", message).hint(
            "choose others with --http-port and --ota-port (0 takes a free one), or --no-local",
        ),
        _ => Failure::new(Exit::Failed, "device_stopped", message),
    }
}

/// Prints a device's life, a line an event; with `--json`, a JSON document a line.
struct Log {
    began: Instant,
    speed: u32,
    json: bool,
}

#[derive(Serialize)]
struct Line<'a> {
    /// Seconds of the device's time since power-on.
    seconds: f64,
    event: &'a str,
}

impl Observer for Log {
    fn event(&self, event: &DeviceEvent<'_>) {
        let seconds = self.began.elapsed().as_secs_f64() * f64::from(self.speed);
        let text = clean(&event.to_string());
        let line = if self.json {
            let event = text.as_str();
            serde_json::to_string(&Line { seconds, event }).unwrap_or_default()
        } else {
            format!("{seconds:>9.1} s  {text}")
        };
        // Whoever closed our output has seen enough; the device lives on until Ctrl-C.
        let _ = raw(format!("{line}\n").as_bytes());
    }
}
