use alloc::format;
use alloc::string::String;
use core::fmt;
use core::str::FromStr;

use crate::DeviceId;

/// Longest topic that is looked at, in bytes: twice the longest of the documented ones.
pub const MAX_TOPIC: usize = 192;

/// What every topic of a device begins with.
const ROOT: &str = "devices/";

/// What a topic of a device is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The server tells the device to update.
    Ota,
    /// The device tells how an update goes.
    Status,
    /// The device tells what it runs.
    Version,
    /// Whether the device is connected.
    Presence,
}

impl Kind {
    /// Every kind.
    pub const ALL: &[Self] = &[Self::Ota, Self::Status, Self::Version, Self::Presence];

    /// What follows the device's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ota => "ota",
            Self::Status => "ota/status",
            Self::Version => "version",
            Self::Presence => "presence",
        }
    }
}

/// A topic of one device.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Topic {
    /// Whose it is.
    pub device: DeviceId,
    /// What it is about.
    pub kind: Kind,
}

/// The text is no topic of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TopicError {
    /// It is longer than [`MAX_TOPIC`].
    TooLong {
        /// Its length in bytes.
        length: usize,
    },
    /// It does not have the form `devices/{id}/…`.
    NotADevice,
    /// What stands for the device's name is none: it may hold no `+`, `#` or `/`.
    BadDevice,
    /// What follows the device's name is not known.
    UnknownKind,
}

impl TopicError {
    /// A stable code for what is wrong.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLong { .. } => "topic_too_long",
            Self::NotADevice => "topic_not_a_device",
            Self::BadDevice => "topic_bad_device",
            Self::UnknownKind => "topic_unknown",
        }
    }
}

impl fmt::Display for TopicError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { length } => write!(
                f,
                "the topic has {length} bytes; shorten the device's name so that it has at most {MAX_TOPIC}"
            ),
            Self::NotADevice => f.write_str("the topic is not of the form devices/ID/…"),
            Self::BadDevice => f.write_str(
                "the topic's second part is not a device id: 1 to 64 letters, digits, -, _, . or :",
            ),
            Self::UnknownKind => {
                f.write_str("after devices/ID/ comes one of ota, ota/status, version, presence")
            }
        }
    }
}

impl core::error::Error for TopicError {}

/// Splits `devices/{id}/{rest}`.
fn split(topic: &str) -> Result<(DeviceId, &str), TopicError> {
    if topic.len() > MAX_TOPIC {
        return Err(TopicError::TooLong {
            length: topic.len(),
        });
    }
    let (device, rest) = topic
        .strip_prefix(ROOT)
        .and_then(|after| after.split_once('/'))
        .ok_or(TopicError::NotADevice)?;
    let device = device.parse().map_err(|_| TopicError::BadDevice)?;
    Ok((device, rest))
}

impl FromStr for Topic {
    type Err = TopicError;

    fn from_str(text: &str) -> Result<Self, TopicError> {
        let (device, rest) = split(text)?;
        let kind = Kind::ALL
            .iter()
            .copied()
            .find(|kind| kind.as_str() == rest)
            .ok_or(TopicError::UnknownKind)?;
        Ok(Self { device, kind })
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{ROOT}{}/{}", self.device, self.kind.as_str())
    }
}

/// The filter by which the server hears this of every device.
pub fn filter(kind: Kind) -> String {
    format!("{ROOT}+/{}", kind.as_str())
}

/// Whether a device may publish to this topic: anything below its own name but the order to update, which is the
/// server's.
pub fn may_publish(device: &DeviceId, topic: &str) -> bool {
    owns(device, topic).is_some_and(|rest| rest != Kind::Ota.as_str())
}

/// Whether a device may subscribe to this filter: one topic below its own name. Wildcards are refused, also where they
/// could not reach another device, so that the rule is one that can be seen to hold.
pub fn may_subscribe(device: &DeviceId, filter: &str) -> bool {
    owns(device, filter).is_some()
}

/// What follows the device's own name in a topic without wildcards and control characters.
fn owns<'t>(device: &DeviceId, topic: &'t str) -> Option<&'t str> {
    let (owner, rest) = split(topic).ok()?;
    let plain = |c: char| !matches!(c, '+' | '#') && !c.is_control();
    (owner == *device && !rest.is_empty() && rest.chars().all(plain)).then_some(rest)
}
