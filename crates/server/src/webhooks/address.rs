//! Where may be posted to.
//!
//! An operator on their own premises posts to 10.x and to this machine, so private addresses are allowed. What is refused
//! are addresses that mean something only to the machine that asks: link-local ones (a cloud's metadata service, which hands
//! out credentials), and those of no single host. A name is resolved by us, and what it resolves to is judged, so that no
//! name leads around this.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Longest address of a hook in bytes: what browsers and proxies take.
const MAX_URL: usize = 2048;

/// The metadata service of a cloud, where it has an address of IPv6.
const METADATA_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);

/// Why nothing may be posted to an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BadUrl(&'static str);

impl fmt::Display for BadUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for BadUrl {}

/// Checks a hook's address.
pub(crate) fn check(text: &str) -> Result<Url, BadUrl> {
    if text.len() > MAX_URL {
        return Err(BadUrl("the address is longer than 2,048 bytes"));
    }
    let url = Url::parse(text).map_err(|_| BadUrl("that is no URL"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(BadUrl("the address must begin with http:// or https://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(BadUrl(
            "a user and password do not belong into the address: deliveries are signed",
        ));
    }
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    if let Ok(address) = bare.parse::<IpAddr>()
        && !may_post_to(address)
    {
        return Err(BadUrl(
            "link-local, metadata and multicast addresses are not posted to",
        ));
    }
    Ok(url)
}

/// Whether an address may be posted to.
pub(super) fn may_post_to(address: IpAddr) -> bool {
    // An address of IPv4 in the clothes of IPv6 is what it is.
    match address.to_canonical() {
        IpAddr::V4(address) => {
            !(address.is_link_local()
                || address.is_unspecified()
                || address.is_broadcast()
                || address.is_multicast())
        }
        IpAddr::V6(address) => {
            !(address.is_unicast_link_local()
                || address.is_unspecified()
                || address.is_multicast()
                || address == METADATA_V6)
        }
    }
}

/// Resolves names to addresses that may be posted to.
#[derive(Debug)]
pub(super) struct Careful;

impl Resolve for Careful {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let good: Vec<SocketAddr> = found.filter(|address| may_post_to(address.ip())).collect();
            if good.is_empty() {
                let none = BadUrl("the name has no address that may be posted to");
                return Err(none.into());
            }
            Ok(Box::new(good.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn a_clouds_metadata_is_out_of_reach_and_the_own_premises_are_not() {
        for good in [
            "https://hooks.example.com/updraft?team=a",
            "http://10.1.2.3:9000/",
            "http://127.0.0.1:8080/hook",
            "http://[::1]/",
            "http://192.168.0.7/",
        ] {
            assert!(check(good).is_ok(), "{good}");
        }
        for bad in [
            "http://169.254.169.254/latest/meta-data/",
            "http://[::ffff:169.254.169.254]/",
            "http://0xa9fea9fe/",
            "http://2852039166/",
            "http://[fe80::1]/",
            "http://[fd00:ec2::254]/",
            "http://0.0.0.0/",
            "http://224.0.0.1/",
            "http://255.255.255.255/",
            "ftp://example.com/",
            "file:///etc/passwd",
            "http://user:secret@example.com/",
            "/hook",
            "",
        ] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }
}
