use alloc::string::{String, ToString as _};
use core::fmt;

use serde::{Deserialize, Serialize};

use crate::check_in::MAX_BODY;
use crate::{DeviceTypeName, Digest, Offer, ResetReason, SlotState};

/// Longest payload that is looked at, in bytes: as much as a body over HTTP.
pub const MAX_PAYLOAD: usize = MAX_BODY;

/// Longest URL an order may carry, in bytes. A presigned S3 URL with a session token has some 1,500.
pub const MAX_URL: usize = 2048;

/// Longest plain version, in bytes: twice an app descriptor's field.
const MAX_PLAIN_VERSION: usize = 64;

/// What is wrong with a payload.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PayloadError {
    /// It has nothing in it.
    Empty,
    /// It is longer than it may be.
    TooLong {
        /// Its length in bytes.
        length: usize,
        /// What it may have.
        limit: usize,
    },
    /// It is not UTF-8, or holds control characters.
    NotText,
    /// It begins like JSON and is not what was expected.
    BadJson {
        /// What the reader said.
        why: String,
    },
    /// It is a word that means nothing here.
    UnknownWord {
        /// The words that do.
        known: &'static str,
    },
    /// A number is beyond its range.
    OutOfRange {
        /// Which field.
        what: &'static str,
        /// What it may be.
        range: &'static str,
    },
    /// It is neither a URL nor an offer.
    NotAnOrder,
}

impl PayloadError {
    /// A stable code for what is wrong.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Empty => "payload_empty",
            Self::TooLong { .. } => "payload_too_long",
            Self::NotText => "payload_not_text",
            Self::BadJson { .. } => "payload_bad_json",
            Self::UnknownWord { .. } => "payload_unknown_word",
            Self::OutOfRange { .. } => "payload_out_of_range",
            Self::NotAnOrder => "payload_not_an_order",
        }
    }
}

impl fmt::Display for PayloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the payload is empty"),
            Self::TooLong { length, limit } => {
                write!(
                    f,
                    "the payload has {length} bytes; at most {limit} are read"
                )
            }
            Self::NotText => f.write_str("the payload is not plain UTF-8 text"),
            Self::BadJson { why } => write!(f, "the payload is not the expected JSON: {why}"),
            Self::UnknownWord { known } => {
                write!(f, "the payload is not one of {known}, nor a JSON object")
            }
            Self::OutOfRange { what, range } => write!(f, "{what} must be {range}"),
            Self::NotAnOrder => {
                f.write_str("the payload is neither an http:// or https:// URL nor an offer")
            }
        }
    }
}

impl core::error::Error for PayloadError {}

/// The payload as text without the white space around it, at most `limit` bytes.
pub(super) fn text(payload: &[u8], limit: usize) -> Result<&str, PayloadError> {
    if payload.len() > limit {
        return Err(PayloadError::TooLong {
            length: payload.len(),
            limit,
        });
    }
    let text = core::str::from_utf8(payload)
        .map_err(|_| PayloadError::NotText)?
        .trim();
    if text.is_empty() {
        return Err(PayloadError::Empty);
    }
    let allowed = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\t');
    if text.chars().all(allowed) {
        Ok(text)
    } else {
        Err(PayloadError::NotText)
    }
}

pub(super) fn json<'t, T: Deserialize<'t>>(text: &'t str) -> Result<T, PayloadError> {
    serde_json::from_str(text).map_err(|error| PayloadError::BadJson {
        why: error.to_string(),
    })
}

/// In what form a device wants its orders.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Format {
    /// A URL and nothing else, as seed 003 has it.
    #[default]
    Url,
    /// An [`Offer`] as JSON.
    Json,
}

/// What a device runs: a version alone, or JSON with `version` and whatever words of a [`CheckIn`](crate::CheckIn)
/// the device can give. It counts as a check-in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionMessage {
    /// The running app's version.
    #[serde(alias = "firmware_version", alias = "fw")]
    pub version: String,
    /// In what form it wants its orders.
    #[serde(default)]
    pub format: Format,
    /// What the device is. Without it, what it was when it enrolled or last said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_type: Option<DeviceTypeName>,
    /// The running app's ELF SHA-256.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elf_sha256: Option<Digest>,
    /// The running slot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot: Option<String>,
    /// The state of the running slot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<SlotState>,
    /// Why the chip last reset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reset_reason: Option<ResetReason>,
    /// The chip.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chip: Option<String>,
    /// The lowest secure version the device accepts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secure_version: Option<u32>,
    /// Size in bytes of the smallest app slot an update could go to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot_size: Option<u32>,
}

impl VersionMessage {
    /// Nothing but a version, from a device that takes bare URLs.
    pub fn of(version: &str) -> Self {
        Self {
            version: version.to_string(),
            format: Format::Url,
            device_type: None,
            elf_sha256: None,
            slot: None,
            state: None,
            reset_reason: None,
            chip: None,
            secure_version: None,
            slot_size: None,
        }
    }

    /// Reads what a device published.
    pub fn read(payload: &[u8]) -> Result<Self, PayloadError> {
        let text = text(payload, MAX_PAYLOAD)?;
        let message = if text.starts_with('{') {
            json(text)?
        } else {
            Self::of(text)
        };
        match message.version.len() {
            0 => Err(PayloadError::Empty),
            length if length > MAX_PLAIN_VERSION => Err(PayloadError::TooLong {
                length,
                limit: MAX_PLAIN_VERSION,
            }),
            _ if message.version.chars().any(char::is_control) => Err(PayloadError::NotText),
            _ => Ok(message),
        }
    }
}

/// Whether a device is connected. The device says `online` itself, and leaves `offline` with its broker as its will.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It is.
    Online,
    /// It is not.
    Offline,
}

impl Presence {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Online => "online",
            Self::Offline => "offline",
        }
    }

    /// Reads what a device or its will published.
    pub fn read(payload: &[u8]) -> Result<Self, PayloadError> {
        match text(payload, MAX_PAYLOAD)? {
            "online" => Ok(Self::Online),
            "offline" => Ok(Self::Offline),
            _ => Err(PayloadError::UnknownWord {
                known: "online, offline",
            }),
        }
    }
}

/// What the server tells a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// Fetch this.
    Url(String),
    /// Install this.
    Offer(Offer),
}

impl Order {
    /// Reads what the server published.
    pub fn read(payload: &[u8]) -> Result<Self, PayloadError> {
        let text = text(payload, MAX_PAYLOAD)?;
        if text.starts_with('{') {
            return json(text).map(Self::Offer);
        }
        if text.len() > MAX_URL {
            return Err(PayloadError::TooLong {
                length: text.len(),
                limit: MAX_URL,
            });
        }
        let is_url = ["http://", "https://"].iter().any(|scheme| {
            text.strip_prefix(scheme)
                .is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
        });
        if is_url && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Self::Url(text.to_string()))
        } else {
            Err(PayloadError::NotAnOrder)
        }
    }
}
