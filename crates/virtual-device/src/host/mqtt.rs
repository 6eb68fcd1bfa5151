//! MQTT over rumqttc, through one device's [`Link`].

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rumqttc_v4::{
    AsyncClient, Event, EventLoop, LastWill, MqttOptions, Packet, QoS, TlsConfiguration, Transport,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use updraft_agent::Failure;
use updraft_agent::mqtt::{Login, Messages};
use updraft_protocol::ReasonCode;
use updraft_protocol::mqtt::MAX_PAYLOAD;

use super::network::Link;

/// How often the client says that it lives. A device whose power is cut is noticed in one and a half of this.
const KEEP_ALIVE_SECONDS: u16 = 10;

/// Largest packet, in bytes: the largest payload with its topic, and room.
const MAX_PACKET: usize = MAX_PAYLOAD + 1024;

/// Messages that may wait to leave.
const OUTBOX: usize = 16;

/// Longest wait for the broker's answer to a connection and to a subscription.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// How often a waiting client looks whether its device's link is still up.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Which broker a virtual device uses.
#[derive(Debug, Clone)]
pub struct MqttBroker {
    host: String,
    port: u16,
    tls: Option<Arc<ClientConfig>>,
}

/// The text names no broker.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BrokerError {
    /// The URL is none of a broker.
    #[error("{url:?} is not a broker's URL; write mqtt://HOST:1883 or mqtts://HOST:8883")]
    Url {
        /// What was given, without what stands before an `@`.
        url: String,
    },
    /// The certificates to trust cannot be used.
    #[error("{}: {why}", file.display())]
    Certificates {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// TLS without a file of certificates to trust.
    #[error("mqtts:// needs a file with the certificates to trust")]
    NoCertificates,
}

impl MqttBroker {
    /// The broker at `url`, trusting the certificates in `ca_file` if it is one with TLS.
    pub fn new(url: &str, ca_file: Option<&Path>) -> Result<Self, BrokerError> {
        let bad = || BrokerError::Url {
            // A name and a password do not belong there, and are not shown.
            url: match url.rsplit_once('@') {
                Some((_, host)) => format!("…@{host}"),
                None => url.to_owned(),
            },
        };
        let (rest, tls) = match (url.strip_prefix("mqtt://"), url.strip_prefix("mqtts://")) {
            (Some(rest), _) => (rest, None),
            (_, Some(rest)) => (
                rest,
                Some(tls(ca_file.ok_or(BrokerError::NoCertificates)?)?),
            ),
            _ => return Err(bad()),
        };
        let rest = rest.trim_end_matches('/');
        let default = if tls.is_some() { 8883 } else { 1883 };
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) if !host.ends_with(':') && !port.ends_with(']') => {
                (host, port.parse().map_err(|_| bad())?)
            }
            _ => (rest, default),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() || host.contains(['/', '@', '?', '#']) {
            return Err(bad());
        }
        Ok(Self {
            host: host.to_owned(),
            port,
            tls,
        })
    }
}

fn tls(file: &Path) -> Result<Arc<ClientConfig>, BrokerError> {
    let bad = |error: &dyn fmt::Display| BrokerError::Certificates {
        file: file.to_owned(),
        why: error.to_string(),
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(file).map_err(|error| bad(&error))? {
        let certificate = certificate.map_err(|error| bad(&error))?;
        roots.add(certificate).map_err(|error| bad(&error))?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| bad(&error))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// A virtual device's MQTT client.
pub(crate) struct HostMessages {
    broker: MqttBroker,
    link: Arc<Link>,
    connection: Option<(AsyncClient, EventLoop)>,
}

impl HostMessages {
    pub(crate) fn new(broker: MqttBroker, link: Arc<Link>) -> Self {
        Self {
            broker,
            link,
            connection: None,
        }
    }

    /// The next packet; an error once the connection is lost or the device's link is down.
    async fn packet(&mut self) -> Result<Packet, Failure> {
        loop {
            let Some((_, events)) = &mut self.connection else {
                return Err(lost(&"there is no connection"));
            };
            if !self.link.is_up() {
                self.connection = None;
                return Err(lost(&"the link is down"));
            }
            // Polling may be given up at any time and taken up again.
            match tokio::time::timeout(LOOK_EVERY, events.poll()).await {
                Ok(Ok(Event::Incoming(packet))) => return Ok(packet),
                Ok(Ok(Event::Outgoing(_))) | Err(_) => {}
                Ok(Err(error)) => {
                    self.connection = None;
                    return Err(lost(&error));
                }
            }
        }
    }

    async fn greeting(&mut self, login: &Login<'_>) -> Result<(), Failure> {
        while !matches!(self.packet().await?, Packet::ConnAck(_)) {}
        if let Some((client, _)) = &self.connection {
            client
                .subscribe(login.orders, QoS::AtLeastOnce)
                .await
                .map_err(|error| lost(&error))?;
        }
        loop {
            if let Packet::SubAck(answer) = self.packet().await? {
                let granted =
                    |code: &_| matches!(code, rumqttc_v4::SubscribeReasonCode::Success(_));
                return if answer.return_codes.iter().all(granted) {
                    Ok(())
                } else {
                    self.connection = None;
                    Err(Failure::new(
                        ReasonCode::ServerRefused,
                        format_args!("the broker refuses the topic {}", login.orders),
                    ))
                };
            }
        }
    }
}

fn lost(why: &dyn fmt::Display) -> Failure {
    Failure::new(
        ReasonCode::ConnectionLost,
        format_args!("the MQTT broker is away: {why}"),
    )
}

impl Messages for HostMessages {
    async fn connect(&mut self, login: &Login<'_>) -> Result<(), Failure> {
        let broker = &self.broker;
        let mut options = MqttOptions::new(login.device, (broker.host.clone(), broker.port));
        options.set_keep_alive(KEEP_ALIVE_SECONDS);
        options.set_max_packet_size(MAX_PACKET, MAX_PACKET);
        if let Some(token) = login.token {
            options.set_credentials(login.device, token.to_owned());
        }
        let will = LastWill::new(login.presence, login.offline, QoS::AtLeastOnce, false);
        options.set_last_will(will);
        if let Some(tls) = &broker.tls {
            let tls = TlsConfiguration::Rustls(Arc::clone(tls));
            options.set_transport(Transport::tls_with_config(tls));
        }
        self.connection = Some(AsyncClient::builder(options).capacity(OUTBOX).build());
        let greeted = tokio::time::timeout(ANSWER_LIMIT, self.greeting(login)).await;
        let greeted = greeted.unwrap_or_else(|_| Err(lost(&"it does not answer")));
        if greeted.is_err() {
            self.connection = None;
        }
        greeted
    }

    async fn next(&mut self) -> Result<Vec<u8>, Failure> {
        loop {
            // The only subscription is to the device's own orders.
            if let Packet::Publish(message) = self.packet().await? {
                return Ok(message.payload.to_vec());
            }
        }
    }

    async fn publish(&mut self, topic: &str, payload: &[u8]) -> Result<(), Failure> {
        let Some((client, _)) = &self.connection else {
            return Err(lost(&"there is no connection"));
        };
        client
            .try_publish(topic, QoS::AtLeastOnce, false, payload)
            .map_err(|error| lost(&error))
    }
}
