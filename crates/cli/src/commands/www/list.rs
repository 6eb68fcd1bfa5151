//! `updraft www list IMAGE`.

use std::path::PathBuf;

use clap::Args;

use super::image::{Image, sha256};
use super::report::Report;
use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;

/// Lists the files of an image, then checks that each can be read and is what the manifest says; ends with exit code 6 if
/// not. Images of other makers, which have no manifest, are listed, too.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// The image, or - for stdin
    image: PathBuf,
}

impl List {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let mut image = Image::open(&self.image)?;
        let files = image.files()?;
        let manifest = image.manifest.as_ref();
        let report = Report {
            image: self.image.display().to_string(),
            size: image.bytes().len() as u32,
            used: None,
            sha256: sha256(image.bytes()).to_string(),
            manifest: manifest.is_some(),
            version: manifest
                .and_then(|manifest| manifest.version)
                .map(|version| version.to_string()),
            files: files.into_iter().map(|file| file.report).collect(),
        };
        context.output.data(&report, Report::text)?;
        image.check()?;
        Ok(Exit::Ok)
    }
}
