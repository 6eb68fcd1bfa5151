//! `updraft www pack DIR`.

use std::path::PathBuf;

use clap::Args;
use updraft_www::manifest::{MAX_VERSION, is_version};

use super::report::Report;
use super::{encode, packed, source};
use crate::aside;
use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;
use crate::size::Size;

/// Packs the folder a frontend was built into, for a www slot of a device: a file system that Espressif's and
/// Arduino's drivers mount, too, with a manifest the device checks it against.
///
/// Files that gain a tenth or more are stored compressed, under their name with .gz. The same folder gives the same bytes.
#[derive(Debug, Args)]
pub(crate) struct Pack {
    /// The folder, such as dist
    folder: PathBuf,
    /// Where the image goes
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// The www partition's size, a multiple of 4K
    #[arg(long, value_name = "SIZE", default_value = "1M")]
    size: Size,
    /// The frontend's own version, for the device to report
    #[arg(id = "frontend_version", long = "version", value_name = "VERSION", value_parser = version)]
    version: Option<String>,
    /// Store every file as it is
    #[arg(long)]
    no_gzip: bool,
}

impl Pack {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let Size(size) = self.size;
        let files = source::read(&self.folder, &self.output)?;
        if files.is_empty() {
            return Err(Failure::new(
                Exit::Refused,
                "www_empty",
                format!("there are no files in {}", self.folder.display()),
            )
            .hint("run the frontend's build first"));
        }
        let index = ["index.html", "index.htm", "index.html.gz"];
        if !index.into_iter().any(|name| files.contains_key(name)) {
            context.output.warn(&format!(
                "{} has no index.html: the device's first page will be missing",
                self.folder.display()
            ));
        }
        let files = encode::encode(files, !self.no_gzip).map_err(|error| {
            Failure::new(
                Exit::Unexpected,
                "gzip",
                format!("cannot compress: {error}"),
            )
        })?;
        let packed = packed::pack(files, self.version.as_deref(), size)?;
        aside::write(&self.output, &packed.image)?;
        let report = Report {
            image: self.output.display().to_string(),
            size,
            used: Some(packed.used),
            sha256: super::image::sha256(&packed.image).to_string(),
            manifest: true,
            version: self.version,
            files: packed.files,
        };
        context.output.data(&report, Report::text)?;
        Ok(Exit::Ok)
    }
}

fn version(text: &str) -> Result<String, String> {
    is_version(text).then(|| text.to_owned()).ok_or_else(|| {
        format!("a version is 1 to {MAX_VERSION} printable ASCII characters without spaces")
    })
}
