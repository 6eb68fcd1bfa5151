//! `updraft www extract IMAGE`.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;
use updraft_www::manifest::Encoding;

use super::encode::decompress;
use super::image::{Image, Stored};
use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;

/// Most bytes one file decompresses to: hundreds of times what a www slot holds.
const MAX_DECOMPRESSED: u64 = 256 * 1024 * 1024;

/// Writes the files of an image into a new folder, as they were before packing.
///
/// What the manifest says is compressed is decompressed and gets its own name back. Names cannot lead out of the folder,
/// and nothing is overwritten. If anything fails, there is no folder.
#[derive(Debug, Args)]
pub(crate) struct Extract {
    /// The image, or - for stdin
    image: PathBuf,
    /// The folder to make; it may exist if it is empty
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    /// Write files as they are stored
    #[arg(long)]
    raw: bool,
}

/// What was written, as `--json` prints it.
#[derive(Debug, serde::Serialize)]
struct Extracted {
    /// The folder.
    output: String,
    /// How many files are in it.
    files: usize,
    /// Their bytes.
    bytes: u64,
}

impl Extract {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let mut image = Image::open(&self.image)?;
        image.check()?;
        let files = image.files()?;
        let written = self.write(&files).map_err(|error| self.failed(&error))?;
        context.output.data(&written, |written| {
            format!(
                "{} files, {} bytes in {}\n",
                written.files, written.bytes, written.output
            )
        })?;
        Ok(Exit::Ok)
    }

    /// Writes all files into a folder aside, and puts it in place.
    fn write(&self, files: &[Stored]) -> io::Result<Extracted> {
        let parent = match self.output.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        let there = match fs::read_dir(&self.output) {
            Ok(mut entries) => entries.next().is_some(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => return Err(error),
        };
        if there {
            let what = "the folder is not empty";
            return Err(io::Error::new(io::ErrorKind::DirectoryNotEmpty, what));
        }
        let aside = tempfile::Builder::new()
            .prefix(".updraft-")
            .tempdir_in(parent)?;
        // A folder inside, because the temporary one is only for its owner.
        let folder = aside.path().join("files");
        fs::create_dir(&folder)?;
        let mut bytes = 0;
        for file in files {
            bytes += self.write_file(&folder, file)?;
        }
        if self.output.is_dir() {
            fs::remove_dir(&self.output)?;
        }
        fs::rename(&folder, &self.output)?;
        Ok(Extracted {
            output: self.output.display().to_string(),
            files: files.len(),
            bytes,
        })
    }

    fn write_file(&self, folder: &Path, file: &Stored) -> io::Result<u64> {
        let report = &file.report;
        let decompressed;
        let (path, contents) = if !self.raw && report.encoding == Encoding::Gzip.name() {
            decompressed = decompress(&file.contents, MAX_DECOMPRESSED)?;
            (&report.path, &decompressed)
        } else {
            (&report.stored_path, &file.contents)
        };
        // Safe below a folder: the reader gives no dot names, slashes or control characters in names.
        let place = folder.join(path);
        if let Some(parent) = place.parent() {
            fs::create_dir_all(parent)?;
        }
        // Two names may be one to this machine's file system.
        let mut options = OpenOptions::new();
        let mut written = options.write(true).create_new(true).open(&place)?;
        written.write_all(contents)?;
        Ok(contents.len() as u64)
    }

    fn failed(&self, error: &io::Error) -> Failure {
        let exit = match error.kind() {
            io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::NotADirectory => Exit::Refused,
            _ => Exit::Unexpected,
        };
        let output = self.output.display();
        Failure::new(
            exit,
            "file_unwritable",
            format!("cannot extract to {output}: {error}"),
        )
        .hint("give a folder that is not there yet, in one that you may write to")
    }
}
