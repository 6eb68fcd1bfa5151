//! A folder of images to publish at start, as seed 002 has it.
//!
//! A file's version is the image's own. What its name (`esp32-csi-node-0.8.0-watchdog.bin`) or its sidecar
//! (`<name>.bin.manifest.json`, else `<stem>.manifest.json`) says must agree with it.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use tokio::fs;
use tokio::io::AsyncReadExt as _;
use updraft_protocol::version;
use updraft_protocol::{DeviceTypeName, Digest};
use updraft_store::Published;

use crate::error::{ApiError, ApiResult};
use crate::intake::{Declared, Receiver};
use crate::state::AppState;

/// The name in audit records.
const ACTOR: &str = "firmware-dir";

/// Bytes read at a time.
const PIECE: usize = 64 * 1024;

/// Largest sidecar in bytes: it has a few short fields.
const MAX_SIDECAR: u64 = 64 * 1024;

/// A sidecar manifest. Other fields are passed over.
#[derive(Debug, Default, Deserialize)]
struct Sidecar {
    version: Option<String>,
    device_type: Option<DeviceTypeName>,
    sha256: Option<Digest>,
    description: Option<String>,
}

/// Publishes every image in the folder. Nothing here keeps the server from starting: what is refused is
/// logged with its file's name.
pub(crate) async fn publish(state: &AppState) {
    let Some(folder) = &state.config().firmware_dir else {
        return;
    };
    let files = match images(folder).await {
        Ok(files) => files,
        Err(error) => {
            tracing::warn!(folder = %folder.display(), %error, "the firmware folder cannot be read");
            return;
        }
    };
    for file in files {
        let shown = file.display();
        match publish_file(state, &file).await {
            Ok(Published { release, created }) => tracing::info!(
                file = %shown, device_type = %release.device_type, version = release.version, created,
                "published from the firmware folder"
            ),
            Err(error) => tracing::warn!(
                file = %shown, code = error.code(), %error, "not published from the firmware folder"
            ),
        }
    }
    if let Err(error) = state.refresh().await {
        tracing::error!(%error, "what is published could not be read");
    }
}

async fn images(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut entries = fs::read_dir(folder).await?;
    while let Some(entry) = entries.next_entry().await? {
        let path = entry.path();
        let is_image = path
            .extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("bin"));
        if is_image && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

async fn publish_file(state: &AppState, path: &Path) -> ApiResult<Published> {
    let declared = declare(state, path).await?;
    let published = state.peek().types.clone();
    let known = published
        .iter()
        .find(|known| Some(&known.name) == declared.device_type.as_ref());
    let limit = state.limits().max_upload;
    let mut receiver = Receiver::begin(state.store(), declared.expect(known), limit).await?;
    let mut file = fs::File::open(path).await.map_err(unreadable)?;
    let mut piece = vec![0; PIECE];
    loop {
        match file.read(&mut piece).await.map_err(unreadable)? {
            0 => break,
            length => {
                let bytes = piece.get(..length).unwrap_or_default();
                receiver = receiver.push(bytes, &declared).await?;
            }
        }
    }
    let minimum = u64::from(state.config().min_firmware_size);
    let (incoming, facts) = receiver.finish(minimum).await?;
    let new = declared.check(&facts, known)?;
    Ok(state.store().publish(incoming, new, ACTOR).await?)
}

/// What a file's sidecar and name say of it.
async fn declare(state: &AppState, path: &Path) -> ApiResult<Declared> {
    let stem = path
        .file_stem()
        .and_then(|stem| stem.to_str())
        .unwrap_or_default();
    let sidecar = sidecar(path, stem).await?;
    let named = split_name(stem);
    let has_sidecar = sidecar.is_some();
    let sidecar = sidecar.unwrap_or_default();
    if !has_sidecar && named.is_none() {
        return Err(ApiError::unprocessable(
            "version_unknown",
            "neither a sidecar manifest nor the file name says what this is",
        )
        .hint(
            "Name it TYPE-VERSION.bin, or put FILE.bin.manifest.json with a version beside it.",
        ));
    }
    let version = sidecar
        .version
        .as_deref()
        .or(named.map(|(_, version)| version));
    let version = version.map(version::parse).transpose().map_err(|error| {
        ApiError::unprocessable(
            "version_not_semantic",
            format!("the declared version: {error}"),
        )
    })?;
    let by_name = named.and_then(|(prefix, _)| prefix.parse().ok());
    Ok(Declared {
        device_type: Some(
            sidecar
                .device_type
                .or(by_name)
                .unwrap_or_else(|| state.config().default_device_type.clone()),
        ),
        version,
        sha256: sidecar.sha256,
        description: sidecar.description.unwrap_or_default(),
        ..Declared::default()
    })
}

async fn sidecar(path: &Path, stem: &str) -> ApiResult<Option<Sidecar>> {
    let full = path.file_name().and_then(|name| name.to_str());
    for name in full.into_iter().chain([stem]) {
        let candidate = path.with_file_name(format!("{name}.manifest.json"));
        // Opening a pipe would wait for its writer for ever.
        match fs::metadata(&candidate).await {
            Ok(metadata) if !metadata.is_file() => continue,
            Ok(metadata) if metadata.len() > MAX_SIDECAR => {
                return Err(ApiError::unprocessable(
                    "bad_sidecar",
                    format!(
                        "{} has {} bytes, more than the {MAX_SIDECAR} of any sidecar manifest",
                        candidate.display(),
                        metadata.len()
                    ),
                ));
            }
            _ => {}
        }
        let Ok(file) = fs::File::open(&candidate).await else {
            continue;
        };
        let mut text = Vec::new();
        file.take(MAX_SIDECAR)
            .read_to_end(&mut text)
            .await
            .map_err(unreadable)?;
        return serde_json::from_slice(&text).map(Some).map_err(|error| {
            ApiError::unprocessable("bad_sidecar", format!("{}: {error}", candidate.display()))
        });
    }
    Ok(None)
}

/// Splits `esp32-csi-node-0.8.0-watchdog` before its version: at the first dash that a version follows.
fn split_name(stem: &str) -> Option<(&str, &str)> {
    stem.match_indices('-').find_map(|(index, _)| {
        let (prefix, version) = (&stem[..index], &stem[index + 1..]);
        let bare = version.strip_prefix(['v', 'V']).unwrap_or(version);
        let numbers = bare.split(['-', '+']).next().unwrap_or_default();
        let looks = numbers.contains('.');
        (!prefix.is_empty() && looks && version::parse(version).is_ok())
            .then_some((prefix, version))
    })
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the shape that map_err takes"
)]
fn unreadable(error: std::io::Error) -> ApiError {
    ApiError::unprocessable("file_unreadable", format!("it cannot be read: {error}"))
}

#[cfg(test)]
mod tests {
    use super::split_name;

    #[test]
    fn a_name_is_split_before_its_version() {
        for (stem, wanted) in [
            (
                "esp32-csi-node-0.8.0-watchdog",
                Some(("esp32-csi-node", "0.8.0-watchdog")),
            ),
            ("esp32c3-1.2.3", Some(("esp32c3", "1.2.3"))),
            ("beacon-v2.0.0-rc.1", Some(("beacon", "v2.0.0-rc.1"))),
            ("node-2-1.0.0", Some(("node-2", "1.0.0"))),
            ("firmware", None),
            ("esp32-csi-node-nodots", None),
            ("-1.0.0", None),
        ] {
            assert_eq!(split_name(stem), wanted, "{stem}");
        }
    }
}
