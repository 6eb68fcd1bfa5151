//! Sending an image to the server, piece by piece.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use reqwest::multipart::{Form, Part};
use reqwest::{Body, Method, StatusCode};
use tokio::fs::File;
use tokio::io::AsyncReadExt as _;
use updraft_protocol::DeviceTypeName;
use updraft_protocol::Digest;
use updraft_protocol::api::{Release, ReleaseStatus};

use super::{ApiError, Client};
use crate::progress::Transfer;

/// How much of the file is in memory at a time.
const PIECE: usize = 64 * 1024;

/// An image to be published, with everything said about it.
#[derive(Debug)]
pub(crate) struct Upload<'a> {
    /// The file.
    pub(crate) file: &'a Path,
    /// Its size in bytes.
    pub(crate) size: u32,
    /// Its SHA-256: the server refuses other bytes.
    pub(crate) sha256: Digest,
    /// What it is for.
    pub(crate) device_type: &'a DeviceTypeName,
    /// Its version.
    pub(crate) version: &'a str,
    /// What it is about.
    pub(crate) notes: &'a str,
    /// How far it is trusted.
    pub(crate) status: ReleaseStatus,
    /// The channel that is to point at it.
    pub(crate) channel: Option<&'a str>,
    /// Whether devices install it at once.
    pub(crate) required: bool,
    /// Which versions it can be installed over.
    pub(crate) from_versions: Option<&'a str>,
    /// Whether devices must pass through it.
    pub(crate) stepping_stone: bool,
}

/// What the server made of an upload.
#[derive(Debug)]
pub(crate) struct Published {
    /// The release.
    pub(crate) release: Release,
    /// Whether it is new; otherwise the same bytes were published before.
    pub(crate) created: bool,
}

impl Client {
    /// Publishes an image.
    pub(crate) async fn publish(
        &self,
        upload: &Upload<'_>,
        transfer: Arc<Transfer>,
    ) -> Result<Published, ApiError> {
        let name = upload.file.display().to_string();
        let unreadable = |source| ApiError::File {
            file: name.clone(),
            source,
        };
        let file = File::open(upload.file).await.map_err(unreadable)?;
        // The fields come before the bytes, so that the server can refuse by them before it stores any.
        let mut form = Form::new()
            .text("device_type", upload.device_type.to_string())
            .text("version", upload.version.to_owned())
            .text("description", upload.notes.to_owned())
            .text("status", upload.status.as_str())
            .text("required", if upload.required { "true" } else { "false" })
            .text("sha256", upload.sha256.to_string());
        if let Some(channel) = upload.channel {
            form = form.text("channel", channel.to_owned());
        }
        if let Some(from_versions) = upload.from_versions {
            form = form.text("from_versions", from_versions.to_owned());
        }
        if upload.stepping_stone {
            form = form.text("stepping_stone", "true");
        }
        let part = Part::stream_with_length(body(file, transfer), upload.size.into())
            .file_name(file_name(upload.file));
        let request = self
            .request(Method::POST, &["api", "firmwares", "upload"])
            .multipart(form.part("binary", part));
        let response = self.exchange(request).await?;
        let response = self.accept(response).await?;
        let created = response.status() == StatusCode::CREATED;
        let release = self.body(response).await?;
        Ok(Published { release, created })
    }
}

/// The file's bytes as a request's body, each piece reported as it leaves.
fn body(file: File, transfer: Arc<Transfer>) -> Body {
    Body::wrap_stream(stream::try_unfold(
        (file, transfer),
        |(mut file, transfer)| async move {
            let mut piece = vec![0; PIECE];
            let read = file.read(&mut piece).await?;
            if read == 0 {
                return Ok::<_, std::io::Error>(None);
            }
            piece.truncate(read);
            transfer.advance(read as u64);
            Ok(Some((Bytes::from(piece), (file, transfer))))
        },
    ))
}

fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(
        || "firmware.bin".into(),
        |name| name.to_string_lossy().into_owned(),
    )
}
