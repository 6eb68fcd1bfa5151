use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use updraft_protocol::DeviceTypeName;
use updraft_store::DatabaseUrl;
use updraft_store::depot::DepotAt;

use crate::clock::Clock;
use crate::depot::ARTIFACTS_POLL;
use crate::limits::Limits;
use crate::mqtt::Mqtt;
use crate::relay::RelayConfig;
use crate::signed_urls::SignedUrls;

/// How often devices are told to check in. Seed 002's devices poll every 300 s: an update reaches a fleet
/// within minutes, and 10,000 devices are 33 requests a second.
pub const POLL_INTERVAL: Duration = Duration::from_mins(5);

/// How long a relay may go by a snapshot: a week, so that a primary that fails on a holiday is missed by nobody.
pub const RELAY_VALIDITY: Duration = Duration::from_hours(7 * 24);

/// Seed 002's floor for a firmware file, in bytes: a real image with Wi-Fi is never smaller, a truncated one is.
pub const MIN_FIRMWARE_SIZE: u32 = 256 * 1024;

/// The device type that seed 002's endpoints, which name none, are about.
pub const DEFAULT_DEVICE_TYPE: &str = "esp32-csi-node";

/// Who may use the device endpoints.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DeviceAuth {
    /// A device with its own token, or an operator.
    #[default]
    Required,
    /// Everybody who reaches the server, as the seeds' devices expect on a trusted network. A device that has
    /// a token of its own must still use it.
    Open,
}

impl DeviceAuth {
    /// The word for it on the command line and in `/healthz`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Open => "open",
        }
    }
}

impl fmt::Display for DeviceAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is neither `required` nor `open`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("device auth is one of required, open")]
pub struct UnknownDeviceAuth;

impl FromStr for DeviceAuth {
    type Err = UnknownDeviceAuth;

    fn from_str(text: &str) -> Result<Self, UnknownDeviceAuth> {
        match text {
            "required" => Ok(Self::Required),
            "open" => Ok(Self::Open),
            _ => Err(UnknownDeviceAuth),
        }
    }
}

/// All that a server can be told.
#[derive(Clone)]
pub struct Config {
    /// The directory for the database, the releases' files and the generated secrets. Created at the first
    /// start; used by one server at a time.
    pub data_dir: PathBuf,
    /// A `PostgreSQL` database, which several servers may share. Without one, it is a file in `data_dir`.
    pub database: Option<DatabaseUrl>,
    /// The address to listen on. Port 0 takes a free one; [`Running::local_addr`](crate::Running::local_addr)
    /// says which.
    pub listen: SocketAddr,
    /// Who may use the device endpoints.
    pub device_auth: DeviceAuth,
    /// The admin's token, at least [`Config::MIN_SECRET`] characters. Without one, the first start generates
    /// one and writes it to `admin-token` in the data directory, mode 0600.
    pub admin_token: Option<String>,
    /// The key that devices enrol with, at least [`Config::MIN_SECRET`] characters. Without one, the first
    /// start generates one and writes it to `enrolment-key` in the data directory, mode 0600.
    pub enrolment_key: Option<String>,
    /// A folder of `.bin` files to publish at start (seed 002's `--firmware-dir`). A file that cannot be
    /// published is logged and passed over.
    pub firmware_dir: Option<PathBuf>,
    /// Where release files lie for everybody, in the layout of [`updraft_store::depot`]; the data directory's
    /// `artifacts/` is a cache then. Without one, that is where they lie.
    pub artifacts: Option<DepotAt>,
    /// How often the artifact store is looked at for what others changed there.
    pub artifacts_poll: Duration,
    /// The device type of seed 002's endpoints, which name none.
    pub default_device_type: DeviceTypeName,
    /// The smallest file that the firmware folder and seed 002's upload accept, in bytes.
    pub min_firmware_size: u32,
    /// How often devices are told to check in. Unset: each as its own settings say, [`POLL_INTERVAL`] if it does not
    /// tell.
    pub poll_interval: Option<Duration>,
    /// Whether `/metrics` needs no token. Unset: only when listening on loopback.
    pub metrics_open: Option<bool>,
    /// What snapshots for relays are signed by, at least [`Config::MIN_SECRET`] characters; nodes over one database
    /// need the same. Without it, the first start makes one and writes it to `relay-key` in the data directory.
    pub relay_key: Option<String>,
    /// How long a relay may go by a snapshot without another: longer than the primary may be away.
    pub relay_validity: Duration,
    /// Makes this server a relay of another.
    pub relay: Option<RelayConfig>,
    /// Where the time comes from. Tests turn it by hand.
    pub clock: Clock,
    /// How devices are reached over MQTT.
    pub mqtt: Mqtt,
    /// How URLs that need no token are made.
    pub signed_urls: SignedUrls,
    /// Every limit and timeout.
    pub limits: Limits,
}

impl Config {
    /// The fewest characters of a given admin token or enrolment key. Generated ones have 43.
    pub const MIN_SECRET: usize = 16;

    /// The defaults, with everything kept in `data_dir`: loopback, a free port, device tokens required.
    ///
    /// # Panics
    ///
    /// Never: the default device type is a valid name.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            database: None,
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            device_auth: DeviceAuth::default(),
            admin_token: None,
            enrolment_key: None,
            firmware_dir: None,
            artifacts: None,
            artifacts_poll: ARTIFACTS_POLL,
            default_device_type: DEFAULT_DEVICE_TYPE
                .parse()
                .expect("the default device type is a valid name"),
            min_firmware_size: MIN_FIRMWARE_SIZE,
            poll_interval: None,
            metrics_open: None,
            relay_key: None,
            relay_validity: RELAY_VALIDITY,
            relay: None,
            clock: Clock::default(),
            mqtt: Mqtt::Off,
            signed_urls: SignedUrls::default(),
            limits: Limits::default(),
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Secrets stay out of logs.
        f.debug_struct("Config")
            .field("data_dir", &self.data_dir)
            .field("database", &self.database)
            .field("listen", &self.listen)
            .field("device_auth", &self.device_auth)
            .field("firmware_dir", &self.firmware_dir)
            .field("artifacts", &self.artifacts)
            .field("artifacts_poll", &self.artifacts_poll)
            .field("default_device_type", &self.default_device_type)
            .field("min_firmware_size", &self.min_firmware_size)
            .field("poll_interval", &self.poll_interval)
            .field("metrics_open", &self.metrics_open)
            .field("mqtt", &self.mqtt)
            .field("signed_urls", &self.signed_urls)
            .field("relay_validity", &self.relay_validity)
            .field("relay", &self.relay)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
