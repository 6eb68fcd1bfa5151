//! Where a virtual device listens, and who may push to it.

use std::net::{IpAddr, Ipv4Addr};

use clap::Args;
use updraft_protocol::DeviceId;
use updraft_protocol::espota::PasswordHash;
use updraft_virtual_device::host::LocalPorts;
use updraft_virtual_device::neighbourhood::Announced;

use crate::error::Failure;
use crate::exit::Exit;

/// Longest push token a device keeps, in bytes.
const MAX_PUSH_TOKEN: usize = 128;

/// Longest label of a name (RFC 1035), in bytes.
const MAX_HOST_NAME: usize = 63;

/// Leading bits of an address all hosts of a usual home or office network share. The host's own mask would be better,
/// but takes what the standard library does not have.
const USUAL_PREFIX: u8 = 24;

/// The same for 127.0.0.1.
const LOOPBACK_PREFIX: u8 = 8;

/// Options of what a virtual device serves on its own network.
#[derive(Debug, Args)]
pub(crate) struct LocalOptions {
    /// The address of this machine the device listens at
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    address: IpAddr,
    /// The port of the device's page [default: 8032, or a free one]
    #[arg(long, value_name = "PORT")]
    http_port: Option<u16>,
    /// The port to push to [default: 3232, or a free one]
    #[arg(long, value_name = "PORT")]
    ota_port: Option<u16>,
    /// Listen nowhere
    #[arg(long, conflicts_with_all = ["http_port", "ota_port"])]
    no_local: bool,
    /// A token without which nothing may be pushed to the device; it is kept in its flash
    #[arg(
        long,
        value_name = "TOKEN",
        env = "UPDRAFT_PUSH_TOKEN",
        hide_env_values = true
    )]
    push_token: Option<String>,
    /// A password without which nothing is taken by espota; its hash is kept in the device's flash
    #[arg(
        long,
        value_name = "PASSWORD",
        env = "UPDRAFT_ESPOTA_PASSWORD",
        hide_env_values = true
    )]
    espota_password: Option<String>,
    /// Have updraft discover and other mDNS browsers find the device, on the interface with --address
    #[arg(long, conflicts_with = "no_local")]
    mdns: bool,
    /// The device's name on its network, without .local: letters, digits and hyphens [default: by --id]
    #[arg(long, value_name = "NAME", requires = "mdns")]
    hostname: Option<String>,
}

impl LocalOptions {
    /// The ports. A default that is in use gives way to a free one; what was asked for does not.
    pub(crate) fn ports(&self) -> Option<LocalPorts> {
        let usual = LocalPorts::default();
        (!self.no_local).then_some(LocalPorts {
            address: self.address,
            http: self.http_port.unwrap_or(usual.http),
            http_or_free: self.http_port.is_none(),
            ota: self.ota_port.unwrap_or(usual.ota),
            ota_or_free: self.ota_port.is_none(),
        })
    }

    /// The token to set.
    pub(crate) fn push_token(&self) -> Result<Option<String>, Failure> {
        let sound = |token: &String| {
            (1..=MAX_PUSH_TOKEN).contains(&token.len())
                && token.bytes().all(|byte| byte.is_ascii_graphic())
        };
        match &self.push_token {
            Some(token) if !sound(token) => Err(Failure::new(
                Exit::Usage,
                "push_token",
                format!("a push token has 1 to {MAX_PUSH_TOKEN} visible ASCII characters"),
            )),
            token => Ok(token.clone()),
        }
    }

    /// The espota password to set, as its hash.
    pub(crate) fn espota_password(&self) -> Option<PasswordHash> {
        let password = self.espota_password.as_ref()?;
        Some(PasswordHash::sha256(password.as_bytes()))
    }

    /// How the device is found, if it is to be.
    pub(crate) fn announced(&self, id: &DeviceId) -> Result<Option<Announced>, Failure> {
        if !self.mdns {
            return Ok(None);
        }
        let address = match self.address {
            IpAddr::V4(address) if !address.is_unspecified() => address,
            other => {
                return Err(Failure::new(
                    Exit::Usage,
                    "mdns_address",
                    format!("a device cannot be announced at {other}"),
                )
                .hint("give --address the IPv4 address of one of this machine's interfaces"));
            }
        };
        let hostname = match &self.hostname {
            Some(name) if is_host_name(name) => name.clone(),
            Some(name) => {
                return Err(Failure::new(
                    Exit::Usage,
                    "hostname",
                    format!(
                        "{name:?} is no host name: 1 to {MAX_HOST_NAME} letters, digits and hyphens"
                    ),
                ));
            }
            None => host_name_of(id),
        };
        Ok(Some(Announced {
            hostname,
            address,
            prefix: if address.is_loopback() {
                LOOPBACK_PREFIX
            } else {
                USUAL_PREFIX
            },
        }))
    }
}

fn is_host_name(name: &str) -> bool {
    (1..=MAX_HOST_NAME).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// The device's name with hyphens for what a host's name cannot have.
fn host_name_of(id: &DeviceId) -> String {
    let fit = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    id.to_string()
        .chars()
        .take(MAX_HOST_NAME)
        .map(fit)
        .collect()
}
