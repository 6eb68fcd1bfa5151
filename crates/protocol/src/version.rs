//! Versions, and which of two is newer.
//!
//! A release's version is semantic (semver 2.0.0). What a device says it runs comes from its app
//! descriptor and is often what `git describe` printed, so reading it is lenient; comparing is strict.

use alloc::string::String;
use core::fmt;

pub use semver::{Version, VersionReq};

/// Longest version in bytes: the app descriptor's field (`esp_app_desc_t.version`) holds 32.
pub const MAX_VERSION: usize = 32;

/// The text is not a version that can be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionError {
    found: String,
}

impl fmt::Display for VersionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} is not a semantic version: write major.minor.patch, such as 1.4.0 or 1.4.0-rc.1, in at most {MAX_VERSION} characters",
            self.found
        )
    }
}

impl core::error::Error for VersionError {}

/// Reads a version as devices and file names write it: a leading `v` is dropped and a missing minor or
/// patch number is zero, so `v1.4` is 1.4.0. Everything else must be semver.
pub fn parse(text: &str) -> Result<Version, VersionError> {
    let error = || VersionError {
        found: text.chars().take(MAX_VERSION * 2).collect(),
    };
    let trimmed = text.trim();
    let bare = trimmed.strip_prefix(['v', 'V']).unwrap_or(trimmed);
    if bare.len() > MAX_VERSION {
        return Err(error());
    }
    if let Ok(version) = Version::parse(bare) {
        return Ok(version);
    }
    let numbers = bare.find(['-', '+']).unwrap_or(bare.len());
    let (core, suffix) = bare.split_at(numbers);
    let padded = match core.split('.').count() {
        1 => alloc::format!("{core}.0.0{suffix}"),
        2 => alloc::format!("{core}.0{suffix}"),
        _ => return Err(error()),
    };
    Version::parse(&padded).map_err(|_| error())
}

/// Whether `candidate` is newer than `running` by semver precedence. Build metadata (`+…`) does not count,
/// so a rebuild under other metadata is never "newer".
pub fn is_newer(candidate: &Version, running: &Version) -> bool {
    candidate.cmp_precedence(running).is_gt()
}
