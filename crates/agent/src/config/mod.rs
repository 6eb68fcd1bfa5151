//! What a factory writes into a device: its settings in the NVS namespace [`NAMESPACE`], so that one build serves all
//! boards and no Wi-Fi password is in an image.
//!
//! `updraft image flash --set KEY=VALUE` writes them, and so may any tool that writes NVS: text as NVS strings, seconds
//! as `u32`. The device reads them once, at start, with [`Config::read`]. The updater itself never writes here.

mod fault;
mod rule;
mod values;

pub use fault::ConfigFault;
pub use rule::{Rule, Value};
pub use values::Config;

use crate::settings::{MAX_POLL_SECONDS, MIN_POLL_SECONDS, TRIAL_LIMIT_SECONDS};

/// The NVS namespace of all settings.
pub const NAMESPACE: &str = "config";

/// Most bytes of any text: a URL with a host name of the longest kind DNS has, 253, and a port.
pub const MAX_TEXT: usize = 272;

/// A day: no minimum uptime is meant to be longer.
const DAY_SECONDS: u32 = 24 * 3600;

/// One setting. Its name is its key in NVS, at most 15 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setting {
    /// The server's address.
    Server,
    /// The fleet's enrolment key.
    EnrolmentKey,
    /// Seconds between two check-ins.
    PollSeconds,
    /// Seconds of uptime before the first check-in.
    MinUptimeSeconds,
    /// Seconds a new app must be well before it is confirmed.
    StabilitySeconds,
    /// The Wi-Fi network.
    WifiSsid,
    /// Its password; none for an open network.
    WifiPassword,
    /// The device's name at the server.
    DeviceId,
    /// The device's name in its network, without `.local`.
    Hostname,
    /// The region it is in.
    Region,
    /// The site it is at, such as a building.
    Site,
    /// The group it belongs to.
    Group,
    /// Any other words by which rollouts may be aimed.
    Tags,
    /// What its own time is ahead of UTC.
    UtcOffset,
}

impl Setting {
    /// All of them, in the order a person is shown them.
    pub const ALL: [Self; 14] = [
        Self::Server,
        Self::EnrolmentKey,
        Self::PollSeconds,
        Self::MinUptimeSeconds,
        Self::StabilitySeconds,
        Self::WifiSsid,
        Self::WifiPassword,
        Self::DeviceId,
        Self::Hostname,
        Self::Region,
        Self::Site,
        Self::Group,
        Self::Tags,
        Self::UtcOffset,
    ];

    /// The key in NVS, and on the command line.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::EnrolmentKey => "enrolment_key",
            Self::PollSeconds => "poll_seconds",
            Self::MinUptimeSeconds => "min_uptime_s",
            Self::StabilitySeconds => "stability_s",
            Self::WifiSsid => "wifi_ssid",
            Self::WifiPassword => "wifi_password",
            Self::DeviceId => "device_id",
            Self::Hostname => "hostname",
            Self::Region => "region",
            Self::Site => "site",
            Self::Group => "group",
            Self::Tags => "tags",
            Self::UtcOffset => "utc_offset",
        }
    }

    /// The setting with this key.
    pub fn of_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|setting| setting.key() == key)
    }

    /// What its values must be.
    pub const fn rule(self) -> Rule {
        match self {
            Self::Server => Rule::Address,
            // Updraft's own keys have 43 characters; it goes into a JSON body as it is.
            Self::EnrolmentKey => Rule::Printable { min: 1, max: 128 },
            Self::PollSeconds => Rule::Seconds {
                min: MIN_POLL_SECONDS,
                max: MAX_POLL_SECONDS,
            },
            Self::MinUptimeSeconds => Rule::Seconds {
                min: 0,
                max: DAY_SECONDS,
            },
            // A longer one would end every trial before it can succeed.
            Self::StabilitySeconds => Rule::Seconds {
                min: 1,
                max: TRIAL_LIMIT_SECONDS,
            },
            // IEEE 802.11 has 32 bytes for it.
            Self::WifiSsid => Rule::Text { min: 1, max: 32 },
            Self::WifiPassword => Rule::Passphrase,
            Self::DeviceId => Rule::Name,
            Self::Hostname => Rule::HostLabel,
            Self::Region | Self::Site | Self::Group => Rule::Label,
            Self::Tags => Rule::Labels,
            Self::UtcOffset => Rule::UtcOffset,
        }
    }

    /// Whether its value must not be shown.
    pub const fn is_secret(self) -> bool {
        matches!(self, Self::EnrolmentKey | Self::WifiPassword)
    }
}
