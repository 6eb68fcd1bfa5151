use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// How often a device may try again. Only failures that may pass are tried again at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Retry {
    /// After so many failures at a release a person should look. Failures of the network do not count.
    pub max_failures: u32,
    /// The wait after the first failure, in seconds; it doubles with each.
    pub backoff_s: u32,
    /// The longest wait, in seconds.
    pub backoff_max_s: u32,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            max_failures: 5,
            backoff_s: 60,
            // A device in the field is tried at least once a day.
            backoff_max_s: 24 * 3600,
        }
    }
}

/// How long a device may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Timers {
    /// An offer that nothing came of is taken back after this, in seconds. It is no failure.
    pub offer_s: u32,
    /// From the first byte to the reboot, in seconds. Waiting for the maintenance window is not counted.
    pub in_progress_s: u32,
    /// The shortest silence after a reboot that is called lost, in seconds; three of the device's own poll intervals if
    /// that is longer.
    pub lost_min_s: u32,
}

impl Default for Timers {
    fn default() -> Self {
        Self {
            // Several polls of a slow device.
            offer_s: 3600,
            // A megabyte at one kilobyte a second takes 17 minutes.
            in_progress_s: 3600,
            lost_min_s: 15 * 60,
        }
    }
}

/// How much may go on at once. Absent: as much as there is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Caps {
    /// Devices under way at once, from the offer to the reboot's outcome.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fleet: Option<u32>,
    /// The same within one site.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub site: Option<u32>,
    /// New offers a minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_minute: Option<u32>,
}

/// When devices may install, in each device's own local time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// It opens, such as `03:00`.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub start: TimeOfDay,
    /// It closes; on the next day if that is not after `start`.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub end: TimeOfDay,
    /// The days on which it opens; none named: every day.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub days: Vec<Day>,
    /// Whether a device may download before the window opens and only the activation waits for it.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub download_early: bool,
}

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Day {
    /// Monday.
    Mon,
    /// Tuesday.
    Tue,
    /// Wednesday.
    Wed,
    /// Thursday.
    Thu,
    /// Friday.
    Fri,
    /// Saturday.
    Sat,
    /// Sunday.
    Sun,
}

impl Day {
    /// The week, Monday first.
    pub const WEEK: [Self; 7] = [
        Self::Mon,
        Self::Tue,
        Self::Wed,
        Self::Thu,
        Self::Fri,
        Self::Sat,
        Self::Sun,
    ];
}

/// A minute of the day, written `HH:MM`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeOfDay(u16);

impl TimeOfDay {
    /// Minutes since midnight, 0 to 1439.
    pub const fn minutes(self) -> u16 {
        self.0
    }
}

/// The text is not a time of day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeOfDayError {
    found: String,
}

impl fmt::Display for TimeOfDayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} is not a time of day: write HH:MM, 00:00 to 23:59",
            self.found
        )
    }
}

impl core::error::Error for TimeOfDayError {}

impl FromStr for TimeOfDay {
    type Err = TimeOfDayError;

    fn from_str(text: &str) -> Result<Self, TimeOfDayError> {
        let two_digits = |text: &str| -> Option<u16> {
            let digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
            digits.then(|| text.parse().ok())?
        };
        text.split_once(':')
            .and_then(|(hours, minutes)| Some((two_digits(hours)?, two_digits(minutes)?)))
            .filter(|(hours, minutes)| *hours < 24 && *minutes < 60)
            .map(|(hours, minutes)| Self(hours * 60 + minutes))
            .ok_or_else(|| TimeOfDayError {
                // The first characters of a hostile text are enough to recognise it.
                found: text.chars().take(16).collect(),
            })
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

impl Serialize for TimeOfDay {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TimeOfDay {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(D::Error::custom)
    }
}
