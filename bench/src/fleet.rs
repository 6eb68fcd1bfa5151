//! A virtual fleet from check-in to confirmed.

use serde::Deserialize;

use crate::figure::{Aim, Figure, Quantity};
use crate::image::{NEW, fixture};
use crate::server::{DEVICE_TYPE, Server};
use crate::{Result, command};

/// As much of the answer of `updraft sim fleet` as is needed.
#[derive(Deserialize)]
struct Outcome {
    devices: u32,
    seconds: f64,
    confirmed: u32,
    rolled_back: u32,
}

pub(crate) async fn measure(server: &Server, devices: u32, speed: u32) -> Result<Vec<Figure>> {
    let mut command = server.command();
    command
        .args(["--quiet", "sim", "fleet", "--until", NEW])
        .args(["-n", &devices.to_string(), "--speed", &speed.to_string()])
        .args(["--spread", "0", "--min-uptime", "0", "--timeout", "120"])
        .args(["--type", DEVICE_TYPE, "--firmware"])
        .arg(std::fs::canonicalize(fixture("1.0.0"))?)
        .env("UPDRAFT_ENROLMENT_KEY", &server.enrolment_key);
    let outcome: Outcome = serde_json::from_str(&command::output(&mut command).await?)?;
    let size = std::fs::metadata(fixture(NEW))?.len();
    let waiting = 30.0 / f64::from(speed);
    Ok(vec![Figure {
        what: format!("virtual fleet of {devices}"),
        ours: Quantity {
            value: f64::from(outcome.devices) / outcome.seconds,
            unit: "devices/s",
        },
        peer: None,
        aim: Aim::None,
        how: format!(
            "{:.1} s for all from power-on, through enrolment, check-in, {size} bytes downloaded and verified, \
             reboot and trial, to confirmed ({} confirmed, {} rolled back); the devices' time ran {speed} times as \
             fast as a clock, so {waiting:.1} s of it are the trial's stability window of 30 s",
            outcome.seconds, outcome.confirmed, outcome.rolled_back
        ),
    }])
}
