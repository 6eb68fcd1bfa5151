//! `updraft discover`.

mod browse;

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use clap::Args;
use serde::Serialize;

use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;
use crate::runtime;
use crate::table::Table;
use crate::text::NONE;

/// Longest time to listen: whoever has not answered by then will not.
const LONGEST: Duration = Duration::from_hours(1);

/// List the devices of the local network.
///
/// Listens for what announces itself by mDNS as _ota._tcp or _arduino._tcp; the latter are also devices
/// that do not run Updraft but can be flashed with updraft espota.
#[derive(Debug, Args)]
pub(crate) struct Discover {
    /// How long to listen
    #[arg(long, value_name = "TIME", default_value = "3s", value_parser = listening_time)]
    timeout: Duration,
    /// Only on the interface with this address [default: all]
    #[arg(long, value_name = "IP")]
    interface: Option<Ipv4Addr>,
}

/// What was found.
#[derive(Debug, Serialize)]
struct Found {
    devices: Vec<Device>,
}

/// One device: all that one host offers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
struct Device {
    /// What it calls itself.
    name: String,
    /// Its host name, `.local` included.
    host: String,
    /// Its addresses, IPv4 first.
    addresses: Vec<IpAddr>,
    /// The services it offers, `_http._tcp` and so on, sorted.
    services: Vec<String>,
    http_port: Option<u16>,
    /// Where firmware is pushed to by HTTP.
    ota_port: Option<u16>,
    /// Where espota asks.
    espota_port: Option<u16>,
    board: Option<String>,
    version: Option<String>,
    slot: Option<String>,
    project: Option<String>,
    /// Whether a push needs a token or a password.
    auth: Option<bool>,
}

impl Discover {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let devices = runtime::client(browse::devices(self.timeout, self.interface))?;
        let found = Found { devices };
        context.output.data(&found, lines)?;
        if found.devices.is_empty() {
            let place = match self.interface {
                Some(interface) => format!("on the interface of {interface}"),
                None => "on any interface".to_owned(),
            };
            let listened = humantime::format_duration(self.timeout);
            return Err(Failure::new(
                Exit::NothingToDo,
                "no_devices",
                format!("no device answered {place} within {listened}"),
            )
            .hint(
                "devices are found in the same subnet only, and by multicast to 224.0.0.251, UDP port 5353: \
                 see that this host's firewall and the access point (client isolation) let it pass, or \
                 listen longer with --timeout 10s",
            ));
        }
        Ok(Exit::Ok)
    }
}

fn listening_time(text: &str) -> Result<Duration, String> {
    let time = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if time > LONGEST {
        return Err(format!("at most {}", humantime::format_duration(LONGEST)));
    }
    Ok(time)
}

fn lines(found: &Found) -> String {
    if found.devices.is_empty() {
        return String::new();
    }
    let mut table = Table::new([
        "NAME", "ADDRESS", "HTTP", "OTA", "BOARD", "VERSION", "SLOT", "AUTH",
    ]);
    for device in &found.devices {
        let text = |text: &Option<String>| text.clone().unwrap_or_else(|| NONE.into());
        let port = |port: Option<u16>| port.map_or_else(|| NONE.into(), |port| port.to_string());
        let espota = device.espota_port.map(|port| format!("{port} (espota)"));
        let auth = device.auth.map(|auth| if auth { "yes" } else { "no" });
        table.row([
            device.name.clone(),
            device
                .addresses
                .first()
                .map_or_else(|| device.host.clone(), ToString::to_string),
            port(device.http_port),
            device
                .ota_port
                .map_or_else(|| text(&espota), |port| port.to_string()),
            text(&device.board),
            text(&device.version),
            text(&device.slot),
            auth.unwrap_or(NONE).to_owned(),
        ]);
    }
    table.render()
}
