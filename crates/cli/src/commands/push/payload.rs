//! The file to be pushed, read once, so that what was checked is what is sent.

use std::path::Path;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use updraft_image::{Expect, Facts, FaultCode, MAX_IMAGE_SIZE, verify};
use updraft_protocol::Digest;
use updraft_protocol::local::LocalStatus;

use crate::commands::www::Image;
use crate::error::Failure;
use crate::exit::Exit;
use crate::firmware::{self, refused, shown};

/// What is pushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// An app, to an OTA slot.
    App,
    /// Web assets, to a www slot.
    Frontend,
}

impl Kind {
    /// The word in results.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::Frontend => "frontend",
        }
    }
}

/// A file that was checked by itself.
#[derive(Debug)]
pub(super) struct Payload {
    /// What it is.
    pub(super) kind: Kind,
    /// Its bytes.
    pub(super) content: Bytes,
    /// Their SHA-256.
    pub(super) sha256: Digest,
    /// Its version, if it has one.
    pub(super) version: Option<String>,
    /// All of an app.
    pub(super) facts: Option<Facts>,
}

impl Payload {
    /// Reads and checks a file; `-` is stdin.
    pub(super) fn read(path: &Path, kind: Kind) -> Result<Self, Failure> {
        match kind {
            Kind::App => Self::app(path),
            Kind::Frontend => Self::frontend(path),
        }
    }

    fn app(path: &Path) -> Result<Self, Failure> {
        // One byte more than the biggest app tells that there is more.
        let content = firmware::read(path, u64::from(MAX_IMAGE_SIZE) + 1)?;
        let facts = match verify(&content, Expect::new()) {
            Ok(facts) => facts,
            Err(fault) if fault.code == FaultCode::LittleFs => {
                return Err(refused(path, &fault).hint("a frontend is sent with --frontend"));
            }
            Err(fault) => return Err(refused(path, &fault)),
        };
        Ok(Self {
            kind: Kind::App,
            content: content.into(),
            sha256: Digest(facts.file_sha256),
            version: facts.head.app.version().ok().map(str::to_owned),
            facts: Some(facts),
        })
    }

    fn frontend(path: &Path) -> Result<Self, Failure> {
        let mut image = match Image::open(path) {
            Ok(image) => image,
            Err(failure) if failure.exit == Exit::Refused && is_app(path) => {
                let message = format!("{}: this is an app, not a frontend", shown(path));
                return Err(Failure::new(Exit::Refused, "app_image", message)
                    .hint("leave out --frontend to send an app"));
            }
            Err(failure) => return Err(failure.hint("make one with: updraft www pack DIR -o FILE")),
        };
        image.check()?;
        let content = Bytes::copy_from_slice(image.bytes());
        Ok(Self {
            kind: Kind::Frontend,
            sha256: Digest(Sha256::digest(&content).into()),
            version: image.version(),
            content,
            facts: None,
        })
    }

    /// The slot it will go to, as far as the device has said.
    pub(super) fn target<'s>(&self, before: &'s LocalStatus) -> Option<&'s str> {
        match self.kind {
            Kind::App => before.next.as_ref().map(|next| next.slot.as_str()),
            Kind::Frontend => before
                .www_slot
                .map(|slot| if slot == 0 { "www_1" } else { "www_0" }),
        }
    }
}

/// Whether a file that is no frontend is an app. Stdin was read once and is not looked at again.
fn is_app(path: &Path) -> bool {
    path != Path::new("-")
        && firmware::read(path, u64::from(MAX_IMAGE_SIZE))
            .is_ok_and(|content| verify(&content, Expect::new()).is_ok())
}
