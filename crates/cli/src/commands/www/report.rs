//! An image's files as `--json` prints them.
//!
//! Field names and meanings are stable; fields are added, never renamed. Sizes are bytes, digests 64 hexadecimal digits.

use serde::Serialize;
use updraft_www::manifest::{Cache, Encoding};

use crate::table::Table;
use crate::text::short_size;

/// An image.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// The image's path.
    pub(super) image: String,
    /// The image's bytes: the slot's size.
    pub(super) size: u32,
    /// Bytes of it taken up, in whole blocks. Null where that is not known.
    pub(super) used: Option<u64>,
    /// SHA-256 of the image.
    pub(super) sha256: String,
    /// Whether it has a manifest.
    pub(super) manifest: bool,
    /// The frontend's version by the manifest.
    pub(super) version: Option<String>,
    /// All files but the manifest.
    pub(super) files: Vec<FileReport>,
}

/// One file.
#[derive(Debug, Serialize)]
pub(super) struct FileReport {
    /// The path a browser asks for.
    pub(super) path: String,
    /// The path in the image.
    pub(super) stored_path: String,
    /// Bytes stored.
    pub(super) stored: u32,
    /// Bytes before compression. Null where that is not known.
    pub(super) size: Option<u64>,
    /// `identity` or `gzip`.
    pub(super) encoding: &'static str,
    pub(super) content_type: String,
    /// `immutable` or `no-cache`.
    pub(super) cache: &'static str,
    /// SHA-256 of the bytes stored.
    pub(super) sha256: String,
}

impl FileReport {
    pub(super) const fn encoding(encoding: Encoding) -> &'static str {
        encoding.name()
    }

    pub(super) const fn cache(cache: Cache) -> &'static str {
        cache.name()
    }
}

impl Report {
    /// The files as a table, and the sum below it.
    pub(super) fn text(&self) -> String {
        let mut table = Table::new(["PATH", "STORED", "ENCODING", "TYPE", "CACHE"]);
        for file in &self.files {
            let bytes = |bytes: u64| bytes.to_string();
            table.row([
                file.path.clone(),
                bytes(file.stored.into()),
                file.encoding.to_owned(),
                file.content_type.clone(),
                file.cache.to_owned(),
            ]);
        }
        let version = match &self.version {
            Some(version) => format!(", version {version}"),
            None if self.manifest => String::new(),
            None => ", without a manifest".to_owned(),
        };
        let used = self
            .used
            .map_or(String::new(), |used| format!("{} of ", short_size(used)));
        let files = match self.files.len() {
            1 => "1 file".to_owned(),
            count => format!("{count} files"),
        };
        let sum = format!("{files}, {used}{}{version}\n", short_size(self.size.into()));
        table.render() + &crate::text::clean(sum.trim_end()) + "\n"
    }
}
