//! Finding a device by what a person calls it: a name, a `.local` name, an address, each with a port or without.

use std::io;
use std::net::{IpAddr, SocketAddr};

use mdns_sd::{HostnameResolutionEvent, IfKind, ScopedIp, ServiceDaemon};

use super::LocalError;

/// How long to ask by mDNS: devices answer within a second, and what is lost is asked for again meanwhile.
const MDNS_TIMEOUT_MS: u64 = 3000;

/// The top of all names found by mDNS.
const DOMAIN: &str = ".local";

/// The address of the device at `host`, on `port` unless `host` names another. The system is asked first; for names of
/// the local network, mDNS next, which many systems do not ask by themselves.
pub(crate) async fn locate(host: &str, port: u16) -> Result<SocketAddr, LocalError> {
    let (name, port) = split(host, port)?;
    if let Ok(ip) = name.parse::<IpAddr>() {
        return Ok(SocketAddr::new(ip, port));
    }
    let bare = name.trim_end_matches('.');
    let unknown = match by_system(bare, port).await {
        Ok(address) => return Ok(address),
        Err(error) => error,
    };
    let local = if bare.contains('.') {
        bare.to_owned()
    } else {
        format!("{bare}{DOMAIN}")
    };
    if !local.to_ascii_lowercase().ends_with(DOMAIN) {
        return Err(unknown_host(host, unknown));
    }
    if local != bare
        && let Ok(address) = by_system(&local, port).await
    {
        return Ok(address);
    }
    match by_mdns(&local).await {
        Some(ip) => Ok(SocketAddr::new(ip, port)),
        None => Err(unknown_host(host, unknown)),
    }
}

fn unknown_host(host: &str, source: io::Error) -> LocalError {
    let host = host.to_owned();
    LocalError::Unknown { host, source }
}

/// Takes the port off `host`, if it has one.
fn split(host: &str, port: u16) -> Result<(&str, u16), LocalError> {
    let error = |reason| LocalError::Address {
        host: host.to_owned(),
        reason,
    };
    if host.contains('/') {
        return Err(error(
            "give the host alone, without http:// and without a path",
        ));
    }
    // An IPv6 address is full of colons; with a port it stands in brackets.
    if host.parse::<IpAddr>().is_ok() {
        return Ok((host, port));
    }
    let (name, port) = match host.rsplit_once(':') {
        Some((name, digits)) => {
            let digits = digits.parse().ok().filter(|port| *port != 0);
            let port = digits.ok_or_else(|| error("behind the colon comes a port, 1 to 65535"))?;
            (name, port)
        }
        None => (host, port),
    };
    let inner = name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'));
    let name = inner.unwrap_or(name);
    if name.is_empty() || (inner.is_none() && name.contains(':')) {
        return Err(error("it is neither a name nor an address"));
    }
    Ok((name, port))
}

/// IPv4 goes first, because most of these devices have no other.
async fn by_system(name: &str, port: u16) -> io::Result<SocketAddr> {
    tokio::net::lookup_host((name, port))
        .await?
        .min_by_key(|found| !found.is_ipv4())
        .ok_or_else(|| io::Error::other("the name has no address"))
}

async fn by_mdns(name: &str) -> Option<IpAddr> {
    let daemon = ServiceDaemon::new().ok()?;
    let found = ask(&daemon, name).await;
    // The process ends soon; a daemon that is gone already is stopped.
    if let Ok(stopped) = daemon.shutdown() {
        let _ = stopped.recv_async().await;
    }
    found
}

async fn ask(daemon: &ServiceDaemon, name: &str) -> Option<IpAddr> {
    daemon.enable_interface(IfKind::LoopbackV4).ok()?;
    let answers = daemon
        .resolve_hostname(&format!("{name}."), Some(MDNS_TIMEOUT_MS))
        .ok()?;
    while let Ok(event) = answers.recv_async().await {
        match event {
            HostnameResolutionEvent::AddressesFound(_, addresses) => {
                let addresses = addresses.iter().map(ScopedIp::to_ip_addr);
                return addresses.min_by_key(|ip| !ip.is_ipv4());
            }
            HostnameResolutionEvent::SearchTimeout(_) => return None,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_may_stand_behind_the_host() {
        for (text, name, port) in [
            ("garden", "garden", 3232),
            ("garden.local", "garden.local", 3232),
            ("garden.local:80", "garden.local", 80),
            ("192.0.2.7", "192.0.2.7", 3232),
            ("192.0.2.7:8080", "192.0.2.7", 8080),
            ("2001:db8::7", "2001:db8::7", 3232),
            ("[2001:db8::7]:8080", "2001:db8::7", 8080),
        ] {
            assert_eq!(split(text, 3232).unwrap(), (name, port), "{text}");
        }
        for text in [
            "",
            ":80",
            "garden:",
            "garden:0",
            "garden:65536",
            "garden:http",
            "a:b:c",
            "http://garden",
            "garden/update",
            "[]:80",
        ] {
            assert!(split(text, 3232).is_err(), "{text}");
        }
    }
}
