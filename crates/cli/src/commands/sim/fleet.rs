//! `updraft sim fleet`.

use std::time::{Duration, Instant};

use clap::Args;
use serde::Serialize;
use updraft_protocol::DeviceId;
use updraft_virtual_device::fleet::{Fleet as VirtualFleet, FleetPlan, FleetTally, Mishaps};

use super::options::DeviceOptions;
use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;
use crate::signals::Signals;

/// How often the fleet is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Runs many virtual devices until Ctrl-C, or until all of them run a version.
#[derive(Debug, Args)]
pub(crate) struct Fleet {
    /// How many devices
    #[arg(short = 'n', long, value_name = "N", default_value_t = 100)]
    count: usize,
    /// What their names begin with; a number follows
    #[arg(long, default_value = "virtual-")]
    prefix: String,
    /// Seconds within which they are powered on, at random moments
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    spread: u64,
    /// Stop once every device runs this version, confirmed
    #[arg(long, value_name = "VERSION")]
    until: Option<String>,
    /// Give up waiting for --until after so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    timeout: u64,
    /// Percent of their connections that break, to see what a bad network does
    #[arg(long, value_name = "PERCENT", default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=100))]
    breaking: u16,
    /// Percent of the devices that are never heard of again once they reset into an update
    #[arg(long, value_name = "PERCENT", default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=100))]
    silent: u16,
    #[command(flatten)]
    options: DeviceOptions,
}

/// How the fleet ended up.
#[derive(Debug, Serialize)]
struct Outcome {
    devices: usize,
    seconds: f64,
    #[serde(flatten)]
    tally: FleetTally,
}

impl Fleet {
    pub(crate) async fn run(&self, context: &Context) -> Result<Exit, Failure> {
        let name = format!("{}{:05}", self.prefix, self.count);
        let id: DeviceId = name.parse().map_err(|error| {
            Failure::new(Exit::Usage, "device_id", format!("{error}"))
                .hint("choose another --prefix")
        })?;
        let plan = FleetPlan {
            flash: self.options.new_flash()?,
            settings: self.options.settings(context, id)?,
            count: self.count,
            bootloader_rolls_back: !self.options.bootloader_without_rollback,
            mqtt: self.options.broker()?,
            speed: self.options.speed,
            spread: Duration::from_secs(self.spread),
            name_prefix: self.prefix.clone(),
            mishaps: Mishaps {
                breaking: self.breaking * 100,
                silent: self.silent * 100,
            },
        };
        let began = Instant::now();
        let fleet = VirtualFleet::start(&plan)
            .map_err(|error| Failure::new(Exit::Usage, "device_id", error.to_string()))?;
        let exit = self.watch(context, &fleet, began).await;
        let tally = fleet.status().tally();
        fleet.power_off().await;
        let result = Outcome {
            devices: self.count,
            seconds: began.elapsed().as_secs_f64(),
            tally,
        };
        context.output.data(&result, |result| {
            format!(
                "{} devices in {:.1} s: {}\n",
                result.devices,
                result.seconds,
                describe(&result.tally)
            )
        })?;
        exit
    }

    async fn watch(
        &self,
        context: &Context,
        fleet: &VirtualFleet,
        began: Instant,
    ) -> Result<Exit, Failure> {
        let deadline = began + Duration::from_secs(self.timeout);
        let mut shown = String::new();
        let mut signals = Signals::new()?;
        loop {
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = signals.next() => return Ok(Exit::Interrupted),
            }
            let tally = fleet.status().tally();
            let now = describe(&tally);
            if now != shown {
                context.output.note(&now);
                shown = now;
            }
            let Some(version) = &self.until else { continue };
            let there = tally.versions.get(version).copied().unwrap_or_default();
            if there == self.count && tally.on_trial == 0 {
                return Ok(Exit::Ok);
            }
            if Instant::now() >= deadline {
                return Err(Failure::new(
                    Exit::Unreachable,
                    "fleet_timeout",
                    format!(
                        "{there} of {} devices run {version} after {} s",
                        self.count, self.timeout
                    ),
                )
                .hint("look at one of the others with: updraft device why ID"));
            }
        }
    }
}

fn describe(tally: &FleetTally) -> String {
    let versions: Vec<String> = tally
        .versions
        .iter()
        .map(|(version, count)| {
            let version = if version.is_empty() {
                "starting"
            } else {
                version
            };
            format!("{count} {version}")
        })
        .collect();
    format!(
        "{}; {} downloading, {} on trial, {} confirmed, {} rolled back",
        versions.join(", "),
        tally.downloading,
        tally.on_trial,
        tally.confirmed,
        tally.rolled_back
    )
}
