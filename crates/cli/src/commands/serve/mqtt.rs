//! What the server is told of MQTT and of signed URLs.

use updraft_server::{Broker, Embedded, MQTT_LISTEN, Mqtt, SignedUrls};

use super::config::set;
use crate::error::Failure;
use crate::exit::Exit;
use crate::settings::{ServeOptions, Span, variable};

/// How devices are reached over MQTT.
pub(super) fn mqtt(options: &ServeOptions) -> Result<Mqtt, Failure> {
    match options.mqtt.as_deref() {
        // Several nodes have no broker in common unless they are told of one.
        None if options.database.is_some() => Ok(Mqtt::Off),
        None | Some("embedded") => Ok(Mqtt::Embedded(Embedded {
            listen: options.mqtt_listen.unwrap_or(MQTT_LISTEN),
        })),
        Some("off") => Ok(Mqtt::Off),
        Some(url) => Ok(Mqtt::Broker(Broker {
            url: url.to_owned(),
            password: password(options)?,
            ca_file: options.mqtt_ca.clone(),
            group: options.mqtt_group.clone(),
        })),
    }
}

/// The broker's password, by file or environment only: arguments can be seen by others.
fn password(options: &ServeOptions) -> Result<Option<String>, Failure> {
    let Some(path) = &options.mqtt_password_file else {
        return Ok(variable("UPDRAFT_MQTT_PASSWORD"));
    };
    std::fs::read_to_string(path)
        .map(|text| Some(text.trim_end_matches(['\r', '\n']).to_owned()))
        .map_err(|error| {
            Failure::new(
                Exit::Unexpected,
                "file_unreadable",
                format!("cannot read {}: {error}", path.display()),
            )
            .hint("check the path, and that you may read it")
        })
}

/// How URLs that need no token are made.
pub(super) fn signed_urls(options: &ServeOptions) -> SignedUrls {
    let mut urls = SignedUrls {
        public_url: options.public_url.clone(),
        ..SignedUrls::default()
    };
    set(
        &mut urls.lifetime,
        options.url_lifetime.map(|Span(time)| time),
    );
    if let Some(deliveries) = &options.signed_urls {
        urls.delivery = deliveries.all;
        urls.delivery_of.clone_from(&deliveries.by_type);
    }
    urls
}
