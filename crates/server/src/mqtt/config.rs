use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use rumqttc::{MqttOptions, Transport};

use super::tls;
use crate::secrets::Secret;

/// Where the embedded broker listens unless told otherwise: MQTT's own port, on this machine only.
pub const MQTT_LISTEN: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 1883);

/// MQTT's port with TLS.
const TLS_PORT: u16 = 8883;

/// How often a silent link says that it lives. A dead one is noticed in one and a half of this.
const KEEP_ALIVE_SECONDS: u16 = 30;

/// Largest packet either side may send, in bytes: the largest payload with its topic, and room.
pub(super) const MAX_PACKET: u32 = 8 * 1024;

/// Messages the broker may send without being told that they are on disk. What is beyond waits at the broker.
pub(super) const IN_FLIGHT: u16 = 256;

/// Seconds a broker keeps what devices say while this server restarts.
const SESSION_SECONDS: u32 = 3600;

/// How devices are reached over MQTT.
#[derive(Debug, Clone, Default)]
pub enum Mqtt {
    /// Not at all: they poll.
    #[default]
    Off,
    /// By a broker inside this server, where every device shows its own token and has its own topics.
    Embedded(Embedded),
    /// By somebody's broker, whose access rules are its own.
    Broker(Broker),
}

/// The embedded broker.
#[derive(Debug, Clone)]
pub struct Embedded {
    /// Where it listens, without TLS.
    pub listen: SocketAddr,
}

/// Somebody's broker.
#[derive(Clone)]
pub struct Broker {
    /// `mqtt://` or `mqtts://`, with the user's name before `@` and without a password.
    pub url: String,
    /// The user's password.
    pub password: Option<String>,
    /// A PEM file with the certificates to trust; the system's without it.
    pub ca_file: Option<PathBuf>,
    /// The name under which several servers at one broker and one database share what devices say; `updraft` without
    /// one. A server with a database of its own leaves it out, and the broker keeps what is said while it restarts.
    pub group: Option<String>,
}

impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The password stays out of logs, also one in the URL, where it is refused.
        f.debug_struct("Broker")
            .field("url", &without_password(&self.url))
            .field("ca_file", &self.ca_file)
            .field("group", &self.group)
            .finish_non_exhaustive()
    }
}

/// Why a broker cannot be used as configured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MqttError {
    /// The URL is none of a broker.
    #[error(
        "{url:?} is not a broker's URL: {why}; write mqtt://USER@HOST:1883 or mqtts://USER@HOST:8883"
    )]
    BadUrl {
        /// What was given, without a password.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// A name of a group must be one part of a topic.
    #[error("{group:?} cannot name a group: take letters, digits, - and _")]
    BadGroup {
        /// What was given.
        group: String,
    },
    /// The certificates to trust cannot be read.
    #[error("the certificates to trust cannot be used: {why}")]
    BadCertificates {
        /// What is wrong.
        why: String,
    },
    /// The client's name could not be kept in the data folder.
    #[error("the broker's client name cannot be kept: {source}")]
    ClientName {
        /// What the system said.
        source: std::io::Error,
    },
    /// Several nodes over one database, and a broker inside each.
    #[error(
        "the embedded broker is one server's own, and this one shares its database with others: use a broker that all reach, with --mqtt mqtt://HOST, or --mqtt off"
    )]
    NotShared,
    /// The embedded broker cannot listen.
    #[error("the MQTT broker cannot listen on {address}: {why}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// What the system said.
        why: String,
    },
}

impl MqttError {
    /// A stable code for what is wrong.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::BadUrl { .. } => "bad_mqtt_url",
            Self::BadGroup { .. } => "bad_mqtt_group",
            Self::BadCertificates { .. } => "bad_mqtt_certificates",
            Self::ClientName { .. } => "secret_file_failed",
            Self::NotShared => "mqtt_not_shared",
            Self::Listen { .. } => "mqtt_cannot_listen",
        }
    }
}

/// A URL as it was written, which may be none, with `***` in place of what can be a password: all between the first
/// colon after the scheme and the last `@`.
fn without_password(url: &str) -> String {
    let Some((login, host)) = url.rsplit_once('@') else {
        return url.to_owned();
    };
    let start = login.find("//").map_or(0, |slashes| slashes + 2);
    match login.split_at(start) {
        (scheme, login) if login.contains(':') => {
            let user = login.split(':').next().unwrap_or_default();
            format!("{scheme}{user}:***@{host}")
        }
        _ => url.to_owned(),
    }
}

impl Broker {
    /// What the client is told.
    pub(super) fn options(&self, data_dir: &Path) -> Result<MqttOptions, MqttError> {
        let bad = |why: &str| MqttError::BadUrl {
            url: without_password(&self.url),
            why: why.to_owned(),
        };
        if let Some(group) = &self.group
            && (group.is_empty()
                || !group
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')))
        {
            return Err(MqttError::BadGroup {
                group: group.clone(),
            });
        }
        let url = url::Url::parse(&self.url).map_err(|error| bad(&error.to_string()))?;
        let (transport, port) = match url.scheme() {
            "mqtt" => (Transport::Tcp, MQTT_LISTEN.port()),
            "mqtts" => (tls::transport(self.ca_file.as_deref())?, TLS_PORT),
            _ => return Err(bad("it must begin with mqtt:// or mqtts://")),
        };
        if url.password().is_some() {
            return Err(bad(
                "a password does not belong into it; give it by file or environment",
            ));
        }
        let host = url.host_str().filter(|host| !host.is_empty());
        let host = host.ok_or_else(|| bad("it names no host"))?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let kept = Secret::load(None, data_dir.join("mqtt-client-name"))
            .map_err(|source| MqttError::ClientName { source })?;
        let name: String = kept.reveal().chars().take(16).collect();
        let name = format!("updraft-{name}");
        let mut options = options(&name, host, url.port().unwrap_or(port));
        options.set_transport(transport);
        let user = url.username();
        if !user.is_empty() || self.password.is_some() {
            options.set_credentials(user, self.password.clone().unwrap_or_default());
        }
        // In a group the others take what this one misses, and what would be kept for it would wait in vain.
        if self.group.is_none() {
            options.set_clean_start(false);
            options.set_session_expiry_interval(Some(SESSION_SECONDS));
        }
        Ok(options)
    }
}

/// What a client of any broker is told.
pub(super) fn options(name: &str, host: &str, port: u16) -> MqttOptions {
    let mut options = MqttOptions::new(name, (host, port));
    options.set_keep_alive(KEEP_ALIVE_SECONDS);
    options.set_max_packet_size(Some(MAX_PACKET));
    options.set_receive_maximum(Some(IN_FLIGHT));
    // A message is acknowledged once what it says is on disk.
    options.set_manual_acks(true);
    options
}
