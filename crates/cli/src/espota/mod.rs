//! Pushing to a device by espota: the sockets and the clock around `updraft_protocol::espota`.

mod error;
mod session;
mod sockets;
mod upload;

use std::net::{IpAddr, SocketAddr};

pub(crate) use error::EspotaError;
pub(crate) use session::{Pushed, Session};

/// The device's address. IPv4 goes first, because most of these devices have no other; `like` is an address of this
/// machine whose family the device's must have.
pub(crate) async fn locate(
    host: &str,
    port: u16,
    like: Option<IpAddr>,
) -> Result<SocketAddr, EspotaError> {
    let unknown = |source| EspotaError::Unknown {
        host: host.to_owned(),
        source,
    };
    let addresses = tokio::net::lookup_host((host, port))
        .await
        .map_err(unknown)?;
    addresses
        .filter(|found| like.is_none_or(|like| like.is_ipv4() == found.is_ipv4()))
        .min_by_key(|found| !found.is_ipv4())
        .ok_or_else(|| unknown(std::io::Error::other("no address of the right kind")))
}
