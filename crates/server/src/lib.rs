//! The Updraft server.
//!
//! [`Server::start`] takes a [`Config`] and returns a [`Running`] server; everything else is inside.
//!
//! A request passes through four layers: [`connections`](self) accepts and bounds it, the gate of `auth`
//! decides whether its token may use the route, a handler in `routes` (one a file, grouped by who calls it)
//! reads and answers it, and `updraft_store` keeps what must be kept.
//!
//! What devices ask most (the latest release, a check-in) reads no database: a published snapshot is swapped
//! in whole after every change, and what is known of each device is kept in memory and written behind. What
//! a device *reports* is on disk before it is acknowledged.

mod answer;
mod ask;
mod auth;
mod body;
mod bounds;
mod clock;
mod config;
mod connections;
mod core;
mod depot;
mod devices;
mod downloads;
mod error;
mod events;
mod firmware_dir;
mod fleet_metrics;
mod identity;
mod intake;
mod keys;
mod limits;
mod load;
mod metrics;
mod mqtt;
mod next_poll;
mod nodes;
mod plain;
mod published;
mod relay;
mod reported;
mod rollouts;
mod routes;
mod secrets;
mod server;
mod signed_urls;
mod state;
mod visits;
mod webhooks;

pub use updraft_store::{BadDatabaseUrl, DatabaseUrl};

pub use clock::Clock;
pub use config::{
    Config, DEFAULT_DEVICE_TYPE, DeviceAuth, MIN_FIRMWARE_SIZE, POLL_INTERVAL, RELAY_VALIDITY,
    UnknownDeviceAuth,
};
pub use depot::ARTIFACTS_POLL;
pub use limits::Limits;
pub use mqtt::{Broker, Embedded, MQTT_LISTEN, Mqtt, MqttError};
pub use relay::{PublicKey, RelayConfig, UnreadableKey};
pub use secrets::{Secret, SecretSource};
pub use server::{Running, Server, StartError};
pub use signed_urls::{Delivery, SignedUrls, URL_LIFETIME, UnknownDelivery};

/// Where release files lie for everybody.
pub use updraft_store::depot::{DepotAt, S3Options};

/// The `OpenAPI` document that the server gives at `/api/openapi.json`, as JSON.
pub use routes::openapi_json;
