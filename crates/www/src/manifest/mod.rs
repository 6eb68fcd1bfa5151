//! The list of what an image holds, kept in the image: `updraft www pack` writes it, a device checks
//! a new frontend against it and takes from it what HTTP says of a file.
//!
//! Text in lines, each ended by `\n` and at most [`MAX_LINE`] bytes long with it, in [`PATH`]:
//!
//! ```text
//! updraft-www 1 2.4.0
//! 5b1c…e0 1453 gzip text/html;charset=utf-8 no-cache index.html.gz
//! ```
//!
//! The first line is the format's name and version, and the frontend's own version if it was given one.
//! Each line after it is one file: SHA-256 of the bytes stored, their number, content encoding
//! (`identity` or `gzip`), content type, cache class (`immutable` or `no-cache`), and the path as stored,
//! which may have spaces in it. The lines stand in the order of a walk over the image, that is by the bytes of
//! the names, a folder's contents in its place; the manifest itself is not among them. A file of
//! encoding `gzip` is stored under its own name with [`GZIP_SUFFIX`] behind it, where servers that know no
//! manifest look for it, too.

mod check;
mod fault;
mod line;
mod reader;

pub use check::{Check, Progress};
pub use fault::{CheckFault, ManifestFault};
pub use line::Line;
pub use reader::Reader;

use crate::text::Text;

/// Where the manifest lies.
pub const PATH: &str = ".updraft-www";
/// What the first line begins with: the format's name and version.
pub const FORMAT: &str = "updraft-www 1";
/// Behind the name of a file that is stored compressed.
pub const GZIP_SUFFIX: &str = ".gz";
/// Most bytes of a line with its end: the longest path (255), type (64), a SHA-256, a size, two words and five
/// spaces come to 410.
pub const MAX_LINE: usize = 512;
/// Most bytes of a content type. The longest registered one for a file of a website has 51 with its charset.
pub const MAX_TYPE: usize = 64;
/// Most bytes of a frontend's version.
pub const MAX_VERSION: usize = 64;

/// A content type.
pub type ContentType = Text<MAX_TYPE>;
/// A frontend's version, as its builder named it.
pub type Version = Text<MAX_VERSION>;

/// How a file's bytes are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// As they are.
    Identity,
    /// Compressed; sent with `Content-Encoding: gzip`.
    Gzip,
}

/// How long a browser may keep a file without asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cache {
    /// For ever: its name changes when its contents do.
    Immutable,
    /// Not without asking whether it changed.
    NoCache,
}

impl Encoding {
    /// The word in the manifest and in HTTP.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Gzip => "gzip",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        [Self::Identity, Self::Gzip]
            .into_iter()
            .find(|encoding| encoding.name() == word)
    }
}

impl Cache {
    /// The word in the manifest.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Immutable => "immutable",
            Self::NoCache => "no-cache",
        }
    }

    /// The value of `Cache-Control`. A year is the most that HTTP caches are asked to keep anything.
    pub const fn control(self) -> &'static str {
        match self {
            Self::Immutable => "public, max-age=31536000, immutable",
            Self::NoCache => "no-cache",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        [Self::Immutable, Self::NoCache]
            .into_iter()
            .find(|cache| cache.name() == word)
    }
}

/// Whether `version` can stand in a manifest: 1 to [`MAX_VERSION`] printable ASCII characters, none of them a space.
pub fn is_version(version: &str) -> bool {
    (1..=MAX_VERSION).contains(&version.len())
        && version.bytes().all(|byte| byte.is_ascii_graphic())
}
