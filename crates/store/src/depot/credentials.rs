//! The credentials file of the AWS tools: `[profile]`, then `aws_access_key_id = …` and the like.

use std::fs;
use std::path::Path;

use super::{DepotError, Result};

/// Largest credentials file in bytes: dozens of profiles.
const MAX_CREDENTIALS: u64 = 64 * 1024;

/// What a profile says. It has no `Debug`, so that it cannot end up in a log.
#[derive(Default)]
pub(super) struct Credentials {
    pub(super) key_id: String,
    pub(super) secret: String,
    pub(super) token: Option<String>,
}

/// Reads a profile of a credentials file.
pub(super) fn read(path: &Path, profile: &str) -> Result<Credentials> {
    let unusable = |why: String| DepotError::Credentials {
        path: path.to_owned(),
        why,
    };
    let size = fs::metadata(path)
        .map_err(|error| unusable(error.to_string()))?
        .len();
    if size > MAX_CREDENTIALS {
        return Err(unusable(format!(
            "it has {size} bytes, more than the {MAX_CREDENTIALS} of any"
        )));
    }
    let text = fs::read_to_string(path).map_err(|error| unusable(error.to_string()))?;
    let mut found = Credentials::default();
    let mut inside = false;
    for line in text.lines().map(str::trim) {
        if let Some(name) = line
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        {
            inside = name.trim() == profile;
        } else if inside && let Some((name, value)) = line.split_once('=') {
            let value = value.trim().to_owned();
            match name.trim() {
                "aws_access_key_id" => found.key_id = value,
                "aws_secret_access_key" => found.secret = value,
                "aws_session_token" => found.token = Some(value),
                _ => {}
            }
        }
    }
    if found.key_id.is_empty() || found.secret.is_empty() {
        return Err(unusable(format!(
            "write aws_access_key_id and aws_secret_access_key under [{profile}]"
        )));
    }
    Ok(found)
}
