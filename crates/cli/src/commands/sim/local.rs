//! Where a virtual device listens, and who may push to it.

use std::net::{IpAddr, Ipv4Addr};

use clap::Args;
use updraft_virtual_device::host::LocalPorts;

use crate::error::Failure;
use crate::exit::Exit;

/// Longest push token a device keeps, in bytes.
const MAX_PUSH_TOKEN: usize = 128;

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
}
