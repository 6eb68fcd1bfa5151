//! Taking an app that somebody pushes to the device, whatever protocol brings it.

use core::net::IpAddr;

use updraft_image::{Expect, Facts};
use updraft_protocol::{Digest, ReasonCode};

use crate::board::{Board, System};
use crate::failure::Failure;
use crate::intake::AppIntake;
use crate::memory::{Refused, Subject};
use crate::session::Source;
use crate::slot::{Size, Wanted};
use crate::updater::Updater;

/// What whoever pushes an app said of it beforehand.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Announced {
    /// How long it is.
    pub(crate) size: Size,
    /// Its SHA-256.
    pub(crate) sha256: Option<Digest>,
    /// Whether a version lower than the running one is meant.
    pub(crate) allow_downgrade: bool,
}

impl<B: Board> Updater<B> {
    /// Begins to take an app. Errors: another update is under way, the running app is on trial, it does not fit.
    pub(crate) fn begin_push(
        &self,
        source: Source,
        peer: Option<IpAddr>,
        announced: &Announced,
    ) -> Result<AppIntake<'_, B>, Failure> {
        let session = self.session.begin(source, peer)?;
        let mut expect = Expect::new()
            .chip(self.system.chip())
            .min_secure_version(self.system.secure_version());
        if let Some(limit) = self.settings.max_image_size {
            expect = expect.max_size(limit);
        }
        let expect = self.expect_project(expect)?;
        let wanted = Wanted {
            expect,
            size: announced.size,
            sha256: announced.sha256,
            version: None,
            at_least: (!announced.allow_downgrade).then_some(self.app.version.as_str()),
            elf_sha256: None,
            // Whoever pushes a build by hand may try it again.
            refused: Refused::default(),
        };
        self.take_app(session, &wanted)
    }

    /// Verifies what was pushed and makes it boot next. The caller answers, then restarts the device.
    pub(crate) async fn complete_push(
        &self,
        intake: &mut AppIntake<'_, B>,
    ) -> Result<Facts, Failure> {
        let facts = intake.verify().await?;
        let app = &facts.head.app;
        let version = app
            .version()
            .map_err(|fault| Failure::new(ReasonCode::NotAnImage, fault))?;
        let subject = Subject {
            firmware_id: None,
            version: version.into(),
            checksum: Digest(facts.file_sha256),
            size: facts.size,
            elf_sha256: Some(Digest(app.app_elf_sha256)),
        };
        self.activate(&subject, &facts, intake)?;
        Ok(facts)
    }
}
