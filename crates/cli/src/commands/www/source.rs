//! The folder a frontend was built into.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use updraft_www::littlefs::MAX_DEPTH;
use updraft_www::manifest::PATH;

use crate::error::Failure;
use crate::exit::Exit;

/// Most bytes read from a folder. A www slot has 1 MiB; a folder this big is another one than was meant.
const MAX_TOTAL: u64 = 256 * 1024 * 1024;
/// Left out: what file managers and git leave in folders.
const SKIPPED: [&str; 5] = [
    ".DS_Store",
    "Thumbs.db",
    "desktop.ini",
    ".gitkeep",
    ".gitignore",
];

/// Paths, names between slashes, and contents.
pub(super) type Files = BTreeMap<String, Vec<u8>>;

/// Reads all files below `folder`, but not `output`, should it lie there. Links are followed.
pub(super) fn read(folder: &Path, output: &Path) -> Result<Files, Failure> {
    let mut source = Source {
        output: output.canonicalize().ok(),
        files: Files::new(),
        total: 0,
    };
    source.folder(folder, "", 0)?;
    Ok(source.files)
}

struct Source {
    /// The output of an earlier run.
    output: Option<PathBuf>,
    files: Files,
    total: u64,
}

impl Source {
    fn folder(&mut self, folder: &Path, prefix: &str, depth: usize) -> Result<(), Failure> {
        // Also what ends a circle of links.
        if depth > MAX_DEPTH {
            return Err(refused(
                "www_too_deep",
                format!("{} lies in more than {MAX_DEPTH} folders", folder.display()),
            )
            .hint("flatten the folders, or look for a link that leads in a circle"));
        }
        let unreadable = |error| unreadable(folder, &error);
        for entry in fs::read_dir(folder).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let name = entry.file_name();
            let Some(name) = name.to_str() else {
                return Err(refused(
                    "www_name",
                    format!("{} has a name that is not UTF-8", entry.path().display()),
                ));
            };
            if SKIPPED.contains(&name) {
                continue;
            }
            let path = format!("{prefix}{name}");
            if path == PATH {
                return Err(refused(
                    "www_name",
                    format!(
                        "{} has the name of the manifest that pack makes",
                        entry.path().display()
                    ),
                )
                .hint("remove it; a folder written by www extract --raw has one"));
            }
            self.entry(&entry.path(), path, depth)?;
        }
        Ok(())
    }

    fn entry(&mut self, file: &Path, path: String, depth: usize) -> Result<(), Failure> {
        let about = fs::metadata(file).map_err(|error| unreadable(file, &error))?;
        if about.is_dir() {
            return self.folder(file, &format!("{path}/"), depth + 1);
        }
        if !about.is_file() {
            return Err(refused(
                "www_not_a_file",
                format!("{} is neither a file nor a folder", file.display()),
            ));
        }
        if self.output.is_some() && file.canonicalize().ok() == self.output {
            return Ok(());
        }
        self.total += about.len();
        if self.total > MAX_TOTAL {
            return Err(refused(
                "www_source_too_big",
                format!(
                    "there are more than {} MiB of files to pack",
                    MAX_TOTAL >> 20
                ),
            )
            .hint("give the folder the build writes to, such as dist"));
        }
        let contents = fs::read(file).map_err(|error| unreadable(file, &error))?;
        self.files.insert(path, contents);
        Ok(())
    }
}

fn refused(code: &'static str, message: String) -> Failure {
    Failure::new(Exit::Refused, code, message)
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    let exit = match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Exit::NotFound,
        _ => Exit::Unexpected,
    };
    Failure::new(
        exit,
        "file_unreadable",
        format!("cannot read {}: {error}", path.display()),
    )
    .hint("give the folder the build writes to, such as dist")
}
