//! Frontends as `updraft www pack` makes them.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};
use updraft_www::littlefs::Builder;
use updraft_www::manifest::{ContentType, Encoding, FORMAT, Line, PATH};
use updraft_www::serve::{cache, content_type};

/// Files of one frontend, and its image.
pub(crate) struct Frontend {
    pub(crate) files: Vec<(String, Vec<u8>)>,
    pub(crate) image: Vec<u8>,
}

impl Frontend {
    /// The bytes of a file.
    pub(crate) fn file(&self, path: &str) -> &[u8] {
        let found = self.files.iter().find(|(known, _)| known == path);
        &found.expect("a file of the frontend").1
    }
}

/// A frontend whose every file tells its version, for a partition of `size` bytes.
pub(crate) fn frontend(version: &str, size: u32) -> Frontend {
    let script = format!("console.log({version:?});\n").repeat(1 + size as usize / 200);
    let files = vec![
        ("assets/index-Ab12Cd34.js".to_owned(), script.into_bytes()),
        (
            "index.html".to_owned(),
            format!("<!doctype html><title>{version}</title>").into_bytes(),
        ),
        ("robots.txt".to_owned(), b"User-agent: *\n".to_vec()),
    ];
    let image = pack(&files, Some(version), size);
    Frontend { files, image }
}

/// An image of these files, which are sorted by path; with a manifest if there is a version.
pub(crate) fn pack(files: &[(String, Vec<u8>)], version: Option<&str>, size: u32) -> Vec<u8> {
    let mut builder = Builder::new();
    let mut manifest = String::new();
    for (path, contents) in files {
        let line = Line {
            sha256: updraft_www::Sha256(Sha256::digest(contents).into()),
            size: contents.len() as u32,
            encoding: Encoding::Identity,
            content_type: ContentType::new(content_type(path)).expect("it fits"),
            cache: cache(path),
            path,
        };
        writeln!(manifest, "{line}").expect("a string takes it");
        builder.add(path, contents.clone()).expect("a path");
    }
    if let Some(version) = version {
        let manifest = format!("{FORMAT} {version}\n{manifest}");
        builder.add(PATH, manifest.into_bytes()).expect("a path");
    }
    builder.image(size).expect("it fits")
}
