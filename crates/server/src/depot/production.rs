//! What `production/` says.

use updraft_protocol::version;
use updraft_store::depot::{Files, Metadata, Production};

use super::failed::{is_of_server, of_one_file};
use super::merge::There;
use super::pass::{Looked, Pass};
use super::releases::Source;
use crate::error::{ApiError, ApiResult};

const FOLDER: &str = "production";

impl Pass<'_> {
    /// Reads `production/`, and publishes its release if it is not under `releases/` either.
    pub(super) async fn read_production(&mut self) -> ApiResult<There> {
        let files = &self.folder.production;
        if *files == Files::default() {
            return Ok(There::Nothing);
        }
        let remembered = self.memory.production.get(self.device_type);
        let looked = match remembered {
            Some((same, looked)) if same == files && !self.effort.is_thorough() => looked.clone(),
            _ => self.look_at_production(files).await?,
        };
        self.memory
            .production
            .insert(self.device_type.clone(), (files.clone(), looked.clone()));
        match looked {
            Looked::Good(production) => self.take_production(&production).await,
            Looked::Half => {
                self.show_waiting(
                    FOLDER,
                    "metadata.json is missing or about another version or other bytes than version.txt and firmware.bin: a promotion is under way, or was cut off",
                );
                Ok(There::Unclear)
            }
            Looked::Refused(note) => {
                self.show_refused(note);
                Ok(There::Unclear)
            }
        }
    }

    async fn look_at_production(&mut self, files: &Files) -> ApiResult<Looked<Production>> {
        if !files.are_complete() {
            return Ok(Looked::Half);
        }
        Ok(
            match of_one_file(self.depot.production(self.device_type).await)? {
                Ok(Some(production)) => Looked::Good(production),
                Ok(None) => Looked::Half,
                Err(error) => Looked::Refused(self.refused(FOLDER, &error)),
            },
        )
    }

    async fn take_production(&mut self, production: &Production) -> ApiResult<There> {
        match self.check_production(production).await {
            Ok(version) => Ok(There::Version(version)),
            Err(error) if is_of_server(&error) => Err(error),
            Err(error) => {
                let note = self.refused(FOLDER, &error);
                self.show_refused(note);
                Ok(There::Unclear)
            }
        }
    }

    async fn check_production(&mut self, production: &Production) -> ApiResult<version::Version> {
        let version = version::parse(&production.version).map_err(|error| {
            ApiError::unprocessable("version_not_semantic", format!("version.txt: {error}"))
        })?;
        if !self.known.contains_key(&version) {
            let metadata = Metadata {
                sha256: Some(production.sha256),
                ..production.metadata.clone()
            };
            self.publish(&version, &metadata, Source::Production)
                .await?;
        }
        match self.known.get(&version) {
            Some(release) if release.sha256 != production.sha256 => Err(ApiError::unprocessable(
                "release_differs",
                format!(
                    "firmware.bin has SHA-256 {}, and release {version} {}",
                    production.sha256, release.sha256
                ),
            )),
            _ => Ok(version),
        }
    }
}
