//! Asking the network, and putting together what each host says.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::time::Duration;

use futures_util::future::join_all;
use mdns_sd::{IfKind, Receiver, ResolvedService, ScopedIp, ServiceDaemon, ServiceEvent};
use tokio::time::{Instant, timeout_at};

use super::Device;
use crate::error::Failure;
use crate::exit::Exit;

/// What a device with Updraft offers, and of which one makes something a device.
const HTTP: &str = "_http._tcp";
const OTA: &str = "_ota._tcp";
const ARDUINO: &str = "_arduino._tcp";

/// The top of all names found by mDNS.
const DOMAIN: &str = ".local.";

/// The devices that answer within this time, by name.
pub(super) async fn devices(
    time: Duration,
    interface: Option<Ipv4Addr>,
) -> Result<Vec<Device>, Failure> {
    if let Some(address) = interface {
        check(address)?;
    }
    let end = Instant::now() + time;
    let daemon = ServiceDaemon::new().map_err(|error| cannot_listen(&error, interface))?;
    let browsed = browse(&daemon, interface).map_err(|error| cannot_listen(&error, interface));
    let answers = match browsed {
        Ok(receivers) => join_all(receivers.into_iter().map(|one| collect(one, end))).await,
        Err(failure) => {
            stop(&daemon).await;
            return Err(failure);
        }
    };
    stop(&daemon).await;
    Ok(merge(answers.into_iter().flatten()))
}

fn browse(
    daemon: &ServiceDaemon,
    interface: Option<Ipv4Addr>,
) -> mdns_sd::Result<Vec<Receiver<ServiceEvent>>> {
    match interface {
        Some(address) => {
            daemon.disable_interface(IfKind::All)?;
            daemon.enable_interface(IfKind::Addr(address.into()))?;
        }
        None => daemon.enable_interface(IfKind::LoopbackV4)?,
    }
    [HTTP, OTA, ARDUINO]
        .into_iter()
        .map(|service| daemon.browse(&format!("{service}{DOMAIN}")))
        .collect()
}

/// What is resolved until `end`. A service that is withdrawn meanwhile is forgotten; one that changes is
/// there as it was last.
async fn collect(answers: Receiver<ServiceEvent>, end: Instant) -> Vec<ResolvedService> {
    let mut found = BTreeMap::new();
    while let Ok(Ok(event)) = timeout_at(end, answers.recv_async()).await {
        match event {
            ServiceEvent::ServiceResolved(service) => {
                found.insert(service.fullname.clone(), *service);
            }
            ServiceEvent::ServiceRemoved(_, fullname) => {
                found.remove(&fullname);
            }
            _ => {}
        }
    }
    found.into_values().collect()
}

async fn stop(daemon: &ServiceDaemon) {
    // The process ends soon; a daemon that is gone already is stopped.
    if let Ok(stopped) = daemon.shutdown() {
        let _ = stopped.recv_async().await;
    }
}

/// One device per host. Hosts that offer only `_http._tcp` are printers and the like.
fn merge(services: impl Iterator<Item = ResolvedService>) -> Vec<Device> {
    let mut hosts: BTreeMap<String, Device> = BTreeMap::new();
    for service in services {
        let host = service.host.trim_end_matches('.').to_owned();
        let device = hosts.entry(host.to_ascii_lowercase()).or_default();
        device.host = host;
        take(device, &service);
    }
    let mut devices: Vec<Device> = hosts
        .into_values()
        .filter(|device| device.ota_port.is_some() || device.espota_port.is_some())
        .collect();
    for device in &mut devices {
        device.addresses.sort_unstable();
        device.addresses.dedup();
        device.services.sort_unstable();
        device.services.dedup();
    }
    devices.sort_by(|one, other| (&one.name, &one.host).cmp(&(&other.name, &other.host)));
    devices
}

fn take(device: &mut Device, service: &ResolvedService) {
    let kind = service.ty_domain.trim_end_matches(DOMAIN);
    let port = match kind {
        HTTP => &mut device.http_port,
        OTA => &mut device.ota_port,
        _ => &mut device.espota_port,
    };
    *port = Some(service.port);
    let text = |key| service.get_property_val_str(key).map(str::to_owned);
    // The name a device goes by is that of what it can be updated through.
    if kind != HTTP || device.name.is_empty() {
        let name = service.fullname.trim_end_matches(&service.ty_domain);
        name.trim_end_matches('.').clone_into(&mut device.name);
    }
    device.services.push(kind.to_owned());
    let addresses = service.addresses.iter();
    device.addresses.extend(addresses.map(ScopedIp::to_ip_addr));
    device
        .addresses
        .retain(|address| !matches!(address, IpAddr::V4(ip) if ip.is_unspecified()));
    if kind == HTTP {
        return;
    }
    device.board = text("board").or_else(|| device.board.take());
    device.version = text("version").or_else(|| device.version.take());
    device.slot = text("slot").or_else(|| device.slot.take());
    device.project = text("project").or_else(|| device.project.take());
    let auth = text("auth").or_else(|| text("auth_upload"));
    device.auth = auth.map(|auth| auth == "yes").or(device.auth);
}

/// Whether one of this host's interfaces has this address: only then can a socket be bound to it.
fn check(address: Ipv4Addr) -> Result<(), Failure> {
    UdpSocket::bind((address, 0)).map(drop).map_err(|error| {
        Failure::new(
            Exit::Usage,
            "no_interface",
            format!("--interface {address}: no interface of this host has this address: {error}"),
        )
        .hint("the addresses are listed by `ip -4 address`, `ifconfig` or `ipconfig`")
    })
}

fn cannot_listen(error: &mdns_sd::Error, interface: Option<Ipv4Addr>) -> Failure {
    let place = interface.map_or_else(String::new, |ip| format!(" on the interface of {ip}"));
    Failure::new(
        Exit::Unexpected,
        "mdns",
        format!("cannot listen for mDNS on UDP port 5353{place}: {error}"),
    )
    .hint("see that no program holds UDP port 5353 for itself alone")
}
