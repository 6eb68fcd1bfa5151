//! Releases that are there and not here, and the other way round.

use futures_util::TryStreamExt as _;
use updraft_protocol::api::{Release, ReleaseStatus};
use updraft_protocol::version::{self, Version};
use updraft_store::NewRelease;
use updraft_store::depot::{Files, Metadata};

use super::failed::{is_of_server, of_one_file};
use super::pass::{Looked, Pass, push};
use super::{ACTOR, content};
use crate::body;
use crate::error::{ApiError, ApiResult};
use crate::intake::{Declared, Receiver};
use crate::published::shorten;

/// Where an image comes from.
#[derive(Debug, Clone, Copy)]
pub(super) enum Source {
    Releases,
    Production,
}

impl Pass<'_> {
    /// Publishes what lies under `releases/` and is not known here: as testing, because only `production/` says what
    /// is deployed.
    pub(super) async fn import_releases(&mut self) -> ApiResult<()> {
        for name in &self.folder.strange {
            let error = ApiError::unprocessable(
                "version_unknown",
                "the folder is named after no version: write v and the semantic version, as in v1.2.0",
            );
            let note = self.refused(&format!("releases/{name}"), &error);
            self.show_refused(note);
        }
        for (version, files) in &self.folder.releases {
            let key = (self.device_type.clone(), version.clone());
            let looked = match self.memory.releases.get(&key) {
                Some((same, Looked::Good(()))) if same == files => continue,
                Some((same, refused @ Looked::Refused(_)))
                    if same == files && !self.effort.is_thorough() =>
                {
                    refused.clone()
                }
                _ => self.look(version, files).await?,
            };
            match &looked {
                Looked::Good(()) => {}
                Looked::Half => {
                    let missing =
                        "firmware.bin, version.txt and metadata.json are not all there yet";
                    self.show_waiting(&format!("releases/v{version}"), missing);
                    continue;
                }
                Looked::Refused(note) => self.show_refused(note.clone()),
            }
            self.memory.releases.insert(key, (files.clone(), looked));
        }
        Ok(())
    }

    async fn look(&mut self, version: &Version, files: &Files) -> ApiResult<Looked<()>> {
        if !files.are_complete() {
            // One of ours is finished when it is sent again.
            return Ok(Looked::Half);
        }
        self.turn.check().await?;
        let taken = match self.known.get(version).cloned() {
            Some(release) => self.compare(version, &release).await,
            None => self.take(version).await,
        };
        match taken {
            Ok(()) => Ok(Looked::Good(())),
            // The store is away or the disk full: nothing to do with this release.
            Err(error) if is_of_server(&error) => Err(error),
            Err(error) => Ok(Looked::Refused(
                self.refused(&format!("releases/v{version}"), &error),
            )),
        }
    }

    /// Whether what is there is what is published here.
    async fn compare(&mut self, version: &Version, release: &Release) -> ApiResult<()> {
        let metadata = self.depot.release_metadata(self.device_type, version);
        let named = metadata.await?.and_then(|metadata| metadata.sha256);
        let found = match named {
            Some(named) => named,
            None => self.depot.release_digest(self.device_type, version).await?,
        };
        if found == release.sha256 {
            return Ok(());
        }
        Err(ApiError::unprocessable(
            "release_differs",
            format!(
                "it has SHA-256 {found}, and the release published here {}",
                release.sha256
            ),
        ))
    }

    async fn take(&mut self, version: &Version) -> ApiResult<()> {
        let text = self.depot.release_version_text(self.device_type, version);
        let text = text.await?.unwrap_or_default();
        check_version("version.txt", &text, version)?;
        let metadata = self.depot.release_metadata(self.device_type, version);
        let metadata = metadata.await?.unwrap_or_default();
        self.publish(version, &metadata, Source::Releases).await
    }

    /// Publishes an image that lies there: read, verified and kept as an upload is.
    pub(super) async fn publish(
        &mut self,
        version: &Version,
        metadata: &Metadata,
        source: Source,
    ) -> ApiResult<()> {
        if let Some(text) = &metadata.version {
            check_version("metadata.json", text, version)?;
        }
        let state = self.state;
        let description = metadata.description.as_deref().unwrap_or_default();
        let declared = Declared {
            device_type: Some(self.device_type.clone()),
            version: Some(version.clone()),
            sha256: metadata.sha256,
            status: Some(ReleaseStatus::Testing),
            channel: None,
            required: metadata.required.unwrap_or_default(),
            from_versions: metadata
                .from_versions
                .as_deref()
                .map_or(Ok(None), body::from_versions)?,
            stepping_stone: metadata.stepping_stone.unwrap_or_default(),
            description: shorten(description, state.limits().max_text).to_owned(),
        };
        let published = state.published();
        let known = published
            .types
            .iter()
            .find(|known| known.name == *self.device_type);
        let mut pieces = match source {
            Source::Releases => {
                self.depot
                    .release_firmware(self.device_type, version)
                    .await?
            }
            Source::Production => self.depot.production_firmware(self.device_type).await?,
        };
        let limit = state.limits().max_upload;
        let mut receiver = Receiver::begin(state.store(), declared.expect(known), limit).await?;
        while let Some(piece) = pieces.try_next().await? {
            receiver = receiver.push(&piece, &declared).await?;
        }
        let (incoming, facts) = receiver.finish(0).await?;
        let new = declared.check(&facts, known)?;
        let done = state.store().publish(incoming, new, ACTOR).await?;
        if done.created {
            tracing::info!(
                release = done.release.id, device_type = %self.device_type, version = done.release.version,
                "published from the artifact store"
            );
            let entry = self.entry(version);
            push(&mut self.report.published, entry);
        }
        self.known.insert(version.clone(), done.release);
        Ok(())
    }

    /// Puts there what is published here and not there, or not whole.
    pub(super) async fn export_releases(&mut self) -> ApiResult<()> {
        for (version, release) in self.known.clone() {
            let there = self.folder.releases.get(&version);
            if there.is_some_and(Files::are_complete) {
                continue;
            }
            let rest = format!("releases/v{version}");
            let Some(new) = NewRelease::again(&release) else {
                continue;
            };
            let bytes = match content::bytes(self.state, &release).await {
                Err(error) if is_of_server(&error) && error.code() == "artifact_store_failed" => {
                    return Err(error);
                }
                Err(error) => {
                    let note = self.refused(&rest, &error);
                    self.show_refused(note);
                    continue;
                }
                Ok(bytes) => bytes,
            };
            let metadata = Metadata::of(&new);
            self.turn.check().await?;
            let put = self
                .depot
                .put_release(self.device_type, &version, &bytes, &metadata);
            match of_one_file(put.await)? {
                Ok(_) => self.show_written(&rest),
                Err(error) => {
                    let note = self.refused(&rest, &error);
                    self.show_refused(note);
                }
            }
        }
        Ok(())
    }
}

/// Checks that a file's word for the version is the folder's.
pub(super) fn check_version(file: &str, text: &str, version: &Version) -> ApiResult<()> {
    match version::parse(text) {
        Ok(said) if said == *version => Ok(()),
        _ => Err(ApiError::unprocessable(
            "version_mismatch",
            format!("{file} says version {text:?}, and the folder is for {version}"),
        )),
    }
}
