//! What `updraft serve` can be told: each by flag, by environment, or under `[serve]` in the file.

use std::fmt::Display;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use updraft_protocol::DeviceTypeName;
use updraft_server::{DatabaseUrl, DeviceAuth};

use super::beside;
use super::deliveries::Deliveries;
use super::span::Span;
use crate::size::Size;

/// Reads a value from a configuration file as the command line would read it.
fn as_text<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: Display>,
{
    let text = match toml::Value::deserialize(deserializer)? {
        toml::Value::String(text) => text,
        toml::Value::Integer(number) => number.to_string(),
        toml::Value::Boolean(flag) => flag.to_string(),
        other => {
            let kind = other.type_str();
            return Err(D::Error::custom(format!("a {kind} is no value for this")));
        }
    };
    text.parse().map(Some).map_err(D::Error::custom)
}

/// Declares the options once, with the merging of two places that may say something.
macro_rules! options {
    ($($(#[$meta:meta])* $name:ident: $type:ty,)+) => {
        /// The server's options. What is not said is left to [`updraft_server::Config`].
        #[derive(Debug, Clone, Default, Args, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        #[expect(
            clippy::doc_markdown,
            reason = "these comments are shown on terminals, where backticks are noise"
        )]
        pub(crate) struct ServeOptions {
            $(
                $(#[$meta])*
                #[serde(deserialize_with = "as_text")]
                pub(crate) $name: Option<$type>,
            )+
        }

        impl ServeOptions {
            /// These options, and those of `other` where these say nothing.
            pub(crate) fn or(self, other: Self) -> Self {
                Self { $($name: self.$name.or(other.$name),)+ }
            }
        }
    };
}

options! {
    /// The folder for the database, the releases and the generated secrets; made at the first start
    #[arg(long, value_name = "DIR", env = "UPDRAFT_DATA")]
    data: PathBuf,
    /// A PostgreSQL database that several servers share, as postgres://USER@HOST/NAME [default: a file in the data
    /// folder]
    #[arg(long, value_name = "URL", env = "UPDRAFT_DATABASE", hide_env_values = true)]
    database: DatabaseUrl,
    /// The address to listen on; port 0 takes a free one [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR:PORT", env = "UPDRAFT_LISTEN")]
    listen: SocketAddr,
    /// Who may use the device endpoints: required (a device's token, or an operator's) or open (everybody)
    /// [default: required]
    #[arg(long, value_name = "HOW", env = "UPDRAFT_DEVICE_AUTH", value_parser = PossibleValuesParser::new(["required", "open"]).try_map(|word| word.parse::<DeviceAuth>()))]
    device_auth: DeviceAuth,
    /// A folder of .bin files to publish at start; FIRMWARE_DIR in the environment is read too
    #[arg(long, value_name = "DIR", env = "UPDRAFT_FIRMWARE_DIR")]
    firmware_dir: PathBuf,
    /// Where release files lie for everybody: s3://BUCKET/PREFIX or a folder [default: the data folder alone]
    #[arg(long, value_name = "PLACE", env = "UPDRAFT_ARTIFACTS")]
    artifacts: String,
    /// How often the artifact store is looked at for what others changed there [default: 60s]
    #[arg(long, value_name = "TIME", env = "UPDRAFT_ARTIFACTS_POLL")]
    artifacts_poll: Span,
    /// The S3 server's address [default: AWS's own]; credentials come from AWS_ACCESS_KEY_ID and the like, or a file
    #[arg(long, value_name = "URL", env = "UPDRAFT_S3_ENDPOINT")]
    s3_endpoint: String,
    /// The bucket's region [default: AWS_REGION, else us-east-1]
    #[arg(long, value_name = "REGION", env = "UPDRAFT_S3_REGION")]
    s3_region: String,
    /// A credentials file as the AWS tools have it, used instead of the environment's credentials
    #[arg(long, value_name = "FILE", env = "UPDRAFT_S3_CREDENTIALS_FILE")]
    s3_credentials_file: PathBuf,
    /// Whether the bucket is part of the host's name and not of the path [default: false]
    #[arg(long, value_name = "BOOL", env = "UPDRAFT_S3_VIRTUAL_HOSTS", num_args = 0..=1, default_missing_value = "true")]
    s3_virtual_hosts: bool,
    /// The device type that the /api/v1/firmware endpoints, which name none, are about
    #[arg(long, value_name = "TYPE", env = "UPDRAFT_DEFAULT_DEVICE_TYPE")]
    default_device_type: DeviceTypeName,
    /// The smallest file that the firmware folder and /api/v1/firmware/upload accept [default: 256K]
    #[arg(long, value_name = "SIZE", env = "UPDRAFT_MIN_FIRMWARE_SIZE")]
    min_firmware_size: Size,
    /// How often devices are told to check in [default: as their own settings have it, 300s unless set]
    #[arg(long, value_name = "TIME", env = "UPDRAFT_POLL_INTERVAL")]
    poll_interval: Span,
    /// How long relays may go by a snapshot without another; UPDRAFT_RELAY_KEY in the environment is what snapshots are
    /// signed by, where several nodes need the same [default: 7 days]
    #[arg(long, value_name = "TIME", env = "UPDRAFT_RELAY_VALIDITY")]
    relay_validity: Span,
    /// Whether /metrics needs no token [default: only when listening on loopback]
    #[arg(long, value_name = "BOOL", env = "UPDRAFT_METRICS_OPEN", num_args = 0..=1, default_missing_value = "true")]
    metrics_open: bool,

    /// MQTT: embedded (a broker in this server), off, or the URL of a broker (mqtt://USER@HOST:1883,
    /// mqtts://USER@HOST:8883), whose password is in --mqtt-password-file or UPDRAFT_MQTT_PASSWORD [default: embedded; off with
    /// --database]
    #[arg(long, value_name = "HOW", env = "UPDRAFT_MQTT", help_heading = "MQTT")]
    mqtt: String,
    /// Where the embedded broker listens, without TLS; port 0 takes a free one [default: 127.0.0.1:1883]
    #[arg(long, value_name = "ADDR:PORT", env = "UPDRAFT_MQTT_LISTEN", help_heading = "MQTT")]
    mqtt_listen: SocketAddr,
    /// A file with the password for the broker
    #[arg(long, value_name = "FILE", env = "UPDRAFT_MQTT_PASSWORD_FILE", help_heading = "MQTT")]
    mqtt_password_file: PathBuf,
    /// A PEM file with the certificates to trust, for mqtts:// [default: the system's]
    #[arg(long, value_name = "FILE", env = "UPDRAFT_MQTT_CA", help_heading = "MQTT")]
    mqtt_ca: PathBuf,
    /// The name that several servers at one broker and one database have in common [default: updraft, with --database]
    #[arg(long, value_name = "NAME", env = "UPDRAFT_MQTT_GROUP", help_heading = "MQTT")]
    mqtt_group: String,
    /// Where devices reach this server, for the URLs they are sent [default: the address it listens on]
    #[arg(long, value_name = "URL", env = "UPDRAFT_PUBLIC_URL", help_heading = "MQTT")]
    public_url: String,
    /// How long a signed URL is good [default: 5m]
    #[arg(long, value_name = "TIME", env = "UPDRAFT_URL_LIFETIME", help_heading = "MQTT")]
    url_lifetime: Span,
    /// What devices are sent: short or full (this server sends the bytes), redirect (it answers 302 to the store's own
    /// URL) or direct (that URL itself); for some types apart: short,TYPE=direct [default: short]
    #[arg(long, value_name = "HOW", env = "UPDRAFT_SIGNED_URLS", help_heading = "MQTT")]
    signed_urls: Deliveries,

    /// Connections open at a time
    #[arg(long, value_name = "N", env = "UPDRAFT_MAX_CONNECTIONS", help_heading = "Limits", hide_short_help = true)]
    max_connections: usize,
    /// Time to send a request's head, and how long a kept connection may idle
    #[arg(long, value_name = "TIME", env = "UPDRAFT_HEADER_READ_TIMEOUT", help_heading = "Limits", hide_short_help = true)]
    header_read_timeout: Span,
    /// Largest request head
    #[arg(long, value_name = "SIZE", env = "UPDRAFT_MAX_HEAD", help_heading = "Limits", hide_short_help = true)]
    max_head: Size,
    /// The window over which a transfer's progress is judged, and the longest pause of an upload
    #[arg(long, value_name = "TIME", env = "UPDRAFT_STALL_WINDOW", help_heading = "Limits", hide_short_help = true)]
    stall_window: Span,
    /// What must go out of an answer in each stall window while more waits
    #[arg(long, value_name = "SIZE", env = "UPDRAFT_MIN_BYTES_PER_WINDOW", help_heading = "Limits", hide_short_help = true)]
    min_bytes_per_window: Size,
    /// Time for a request's body to arrive, uploads excepted
    #[arg(long, value_name = "TIME", env = "UPDRAFT_BODY_TIMEOUT", help_heading = "Limits", hide_short_help = true)]
    body_timeout: Span,
    /// Largest file that can be uploaded
    #[arg(long, value_name = "SIZE", env = "UPDRAFT_MAX_UPLOAD", help_heading = "Limits", hide_short_help = true)]
    max_upload: Size,
    /// Time for a whole upload
    #[arg(long, value_name = "TIME", env = "UPDRAFT_UPLOAD_TIMEOUT", help_heading = "Limits", hide_short_help = true)]
    upload_timeout: Span,
    /// Uploads at a time
    #[arg(long, value_name = "N", env = "UPDRAFT_MAX_UPLOADS", help_heading = "Limits", hide_short_help = true)]
    max_uploads: usize,
    /// Longest text field of an upload, such as its description
    #[arg(long, value_name = "SIZE", env = "UPDRAFT_MAX_TEXT", help_heading = "Limits", hide_short_help = true)]
    max_text: Size,
    /// Longest body of an operator's request
    #[arg(long, value_name = "SIZE", env = "UPDRAFT_MAX_BODY", help_heading = "Limits", hide_short_help = true)]
    max_body: Size,
    /// Memory for the files that are being downloaded
    #[arg(long, value_name = "SIZE", env = "UPDRAFT_DOWNLOAD_CACHE", help_heading = "Limits", hide_short_help = true)]
    download_cache: Size,
    /// Devices known; more are refused
    #[arg(long, value_name = "N", env = "UPDRAFT_MAX_DEVICES", help_heading = "Limits", hide_short_help = true)]
    max_devices: usize,
    /// How long what devices said of themselves may stay unwritten; outcomes are never delayed
    #[arg(long, value_name = "TIME", env = "UPDRAFT_WRITE_BEHIND", help_heading = "Limits", hide_short_help = true)]
    write_behind: Span,
    /// Failed authentications a minute from one address before it is turned away
    #[arg(long, value_name = "N", env = "UPDRAFT_MAX_AUTH_FAILURES", help_heading = "Limits", hide_short_help = true)]
    max_auth_failures: u32,
    /// How long a shutdown waits for downloads to finish
    #[arg(long, value_name = "TIME", env = "UPDRAFT_SHUTDOWN_TIMEOUT", help_heading = "Limits", hide_short_help = true)]
    shutdown_timeout: Span,
}

impl ServeOptions {
    /// The options of a file, whose paths are relative to its folder.
    pub(super) fn beside(mut self, file: &Path) -> Self {
        for path in [
            &mut self.data,
            &mut self.firmware_dir,
            &mut self.s3_credentials_file,
            &mut self.mqtt_password_file,
            &mut self.mqtt_ca,
        ] {
            *path = path.as_deref().map(|path| beside(file, path));
        }
        if let Some(place) = self
            .artifacts
            .as_mut()
            .filter(|place| !place.contains("://"))
        {
            let folder = beside(file, Path::new(&place));
            // A path that is no text stays as it is, and is refused for what it names.
            if let Some(folder) = folder.to_str() {
                folder.clone_into(place);
            }
        }
        self
    }
}
