//! Check-ins of many identified devices: against a static file of nginx, and against a fleet server in Python.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};

use crate::Result;
use crate::figure::{Aim, Figure, Quantity};
use crate::goosebit::{self, Goosebit};
use crate::http;
use crate::nginx::Nginx;
use crate::server::{DEVICE_TYPE, Server, secret};
use crate::wrk::{CONNECTIONS, Rate, Target, compare};

/// Devices that ask in turn: no cache of one device's answer helps.
const DEVICES: usize = 500;

/// A device and its token.
struct Device {
    id: String,
    token: String,
}

pub(crate) async fn measure(server: &Server, seconds: u32) -> Result<Vec<Figure>> {
    let devices: Vec<Device> = (0..DEVICES)
        .map(|index| {
            let id = format!("bench-{index}");
            secret().map(|token| Device { id, token })
        })
        .collect::<Result<_>>()?;
    let folder = tempfile::tempdir()?;
    let ours = folder.path().join("updraft.lua");
    let answer = enrol(server, &devices, &ours).await?;
    let nginx = Nginx::start(&answer).await?;
    let us = || -> Result<Target<'_>> {
        Ok(Target {
            address: server.address,
            pid: server.pid()?,
            path: "/",
            headers: &[],
            script: Some(&ours),
        })
    };
    let file = Target {
        address: nginx.address,
        pid: nginx.pid()?,
        path: "/file",
        headers: &[],
        script: None,
    };
    let Some(python) = Goosebit::python() else {
        let [ours, nginx] = compare([us()?, file], seconds).await?;
        eprintln!("bench: gooseBit is not there (scripts/bench installs it): its line is left out");
        return Ok(vec![figure(
            ours,
            "nginx, static file",
            nginx,
            Aim::None,
            seconds,
        )]);
    };
    let goosebit = Goosebit::start(&python).await?;
    let theirs = folder.path().join("goosebit.lua");
    register(&goosebit, &devices, &theirs).await?;
    let peer = Target {
        address: goosebit.address,
        pid: goosebit.pid()?,
        path: "/",
        headers: &[],
        script: Some(&theirs),
    };
    let [ours, nginx, goosebit] = compare([us()?, file, peer], seconds).await?;
    Ok(vec![
        figure(ours, "nginx, static file", nginx, Aim::None, seconds),
        figure(
            ours,
            "gooseBit 0.2.12",
            goosebit,
            Aim::RatioAtLeast(100.0),
            seconds,
        ),
    ])
}

fn figure(ours: Rate, name: &'static str, peer: Rate, aim: Aim, seconds: u32) -> Figure {
    let rate = |rate: Rate| Quantity {
        value: rate.requests_per_second,
        unit: "check-ins/s",
    };
    Figure {
        what: "check-ins of identified devices".to_owned(),
        ours: rate(ours),
        peer: Some((name, rate(peer))),
        aim,
        how: format!(
            "{DEVICES} devices in turn, each with a token of its own, their words kept and an offer decided each time; wrk, \
             1 thread, {CONNECTIONS} connections, middle of 3 runs of {seconds} s in turns; 99 % within {:.1} ms, {name} {:.1} ms",
            ours.p99_ms, peer.p99_ms
        ),
    }
}

/// Makes the devices known to Updraft, writes the script of their check-ins, and returns the answer to one.
async fn enrol(server: &Server, devices: &[Device], script: &Path) -> Result<http::Answer> {
    let words = json!({ "device_type": DEVICE_TYPE, "version": "1.0.0", "slot": "ota_0", "poll_seconds": 300 });
    let mut requests = Requests::new();
    let mut answer = None;
    for device in devices {
        let body = json!({
            "device_id": device.id, "device_type": DEVICE_TYPE,
            "enrolment_key": server.enrolment_key, "token": device.token,
        });
        http::send(server.address, "POST", "/api/devices/enrol", &[], &body).await?;
        let path = format!("/api/devices/{}/check-in", device.id);
        let authorization = format!("Bearer {}", device.token);
        let headers = [("Authorization", authorization.as_str())];
        answer = Some(http::send(server.address, "POST", &path, &headers, &words).await?);
        requests.add("POST", &path, &authorization, Some(&words))?;
    }
    requests.write(script)?;
    answer.ok_or_else(|| "there are devices".into())
}

/// Makes the devices known to gooseBit, and writes the script of their polls.
async fn register(goosebit: &Goosebit, devices: &[Device], script: &Path) -> Result<()> {
    let mut requests = Requests::new();
    for device in devices {
        goosebit.register(&device.id, &device.token).await?;
        let authorization = goosebit::authorization(&device.token);
        requests.add("GET", &goosebit::path(&device.id), &authorization, None)?;
    }
    requests.write(script)
}

/// A script for wrk that sends one request after the other, and begins anew.
struct Requests(String);

impl Requests {
    fn new() -> Self {
        Self("local list = {}\nfunction init()\n".to_owned())
    }

    /// Lua's long brackets take everything as it is; nothing here holds one.
    fn add(
        &mut self,
        method: &str,
        path: &str,
        authorization: &str,
        body: Option<&Value>,
    ) -> Result<()> {
        let body = body.map_or("nil".to_owned(), |body| format!("[==[{body}]==]"));
        writeln!(
            self.0,
            "list[#list + 1] = wrk.format([==[{method}]==], [==[{path}]==], \
             {{ Authorization = [==[{authorization}]==], [\"Content-Type\"] = \"application/json\" }}, {body})"
        )?;
        Ok(())
    }

    fn write(mut self, path: &Path) -> Result<()> {
        self.0 +=
            "end\nlocal at = 0\nfunction request()\nat = at % #list + 1\nreturn list[at]\nend\n";
        std::fs::write(path, self.0)?;
        Ok(())
    }
}
