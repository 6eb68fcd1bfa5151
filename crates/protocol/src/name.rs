//! The names that identify devices and device types, checked once at the edge.
//!
//! A name becomes a path segment, an MQTT topic level and a folder name, so the alphabet is the one that
//! is harmless in all three.

use alloc::string::String;
use core::fmt;
use core::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

/// Longest name of a device or a device type, in characters. MAC addresses, UUIDs and serial numbers fit.
pub const MAX_NAME: usize = 64;

/// The text cannot name a device or a device type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameError {
    what: &'static str,
    found: String,
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A hostile name may be long; the first characters are enough to recognise it.
        let shown: String = self.found.chars().take(MAX_NAME).collect();
        write!(
            f,
            "{:?} is not a {}: use 1 to {MAX_NAME} letters, digits, '-', '_', '.' or ':', starting with a letter or digit",
            shown, self.what
        )
    }
}

impl core::error::Error for NameError {}

fn check(what: &'static str, text: &str) -> Result<(), NameError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':');
    let starts_well = text.starts_with(|c: char| c.is_ascii_alphanumeric());
    if starts_well && text.len() <= MAX_NAME && text.chars().all(allowed) {
        Ok(())
    } else {
        Err(NameError {
            what,
            found: text.into(),
        })
    }
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                check($what, text).map(|()| Self(text.into()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl core::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?
                    .parse()
                    .map_err(D::Error::custom)
            }
        }
    };
}

name!(
    /// The name of one device: 1 to 64 letters, digits, `-`, `_`, `.` or `:`.
    DeviceId,
    "device id"
);
name!(
    /// The name of what a build is for, such as `esp32c3` or `esp32c3-beacon`.
    DeviceTypeName,
    "device type"
);
