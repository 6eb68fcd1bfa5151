//! An image from encoded files, with its manifest.

use std::fmt::Write as _;

use updraft_www::littlefs::{BuildFault, Builder};
use updraft_www::manifest::{ContentType, FORMAT, Line, PATH};
use updraft_www::serve::{cache, content_type};

use super::encode::Encoded;
use super::report::FileReport;
use crate::error::Failure;
use crate::exit::Exit;
use crate::text::short_size;

/// How many of the largest files an error names.
const NAMED: usize = 5;

/// An image, what is in it, and how much of it is taken up.
pub(super) struct Packed {
    pub(super) image: Vec<u8>,
    pub(super) files: Vec<FileReport>,
    pub(super) used: u64,
}

/// Builds the image of `size` bytes.
pub(super) fn pack(
    mut files: Vec<Encoded>,
    version: Option<&str>,
    size: u32,
) -> Result<Packed, Failure> {
    // The order of a walk over the image, which is the manifest's.
    files.sort_by(|a, b| a.stored_path.split('/').cmp(b.stored_path.split('/')));
    let mut manifest = FORMAT.to_owned();
    if let Some(version) = version {
        manifest = manifest + " " + version;
    }
    manifest.push('\n');
    let mut builder = Builder::new();
    let mut reports = Vec::new();
    let mut sizes = Vec::new();
    for file in files {
        let Encoded {
            path,
            stored_path,
            size,
            encoding,
            contents,
        } = file;
        let line = Line {
            sha256: super::image::sha256(&contents),
            size: contents.len() as u32,
            encoding,
            content_type: ContentType::new(content_type(&path)).unwrap_or(ContentType::EMPTY),
            cache: cache(&path),
            path: &stored_path,
        };
        // Writing to a String cannot fail.
        let _ = writeln!(manifest, "{line}");
        reports.push(FileReport {
            stored: line.size,
            size: Some(size as u64),
            encoding: FileReport::encoding(encoding),
            content_type: line.content_type.to_string(),
            cache: FileReport::cache(line.cache),
            sha256: line.sha256.to_string(),
            stored_path: stored_path.clone(),
            path,
        });
        sizes.push((contents.len(), stored_path.clone()));
        builder
            .add(&stored_path, contents)
            .map_err(|fault| refused(&fault))?;
    }
    builder
        .add(PATH, manifest.into_bytes())
        .map_err(|fault| refused(&fault))?;
    let image = builder.image(size).map_err(|fault| match fault {
        BuildFault::TooBig { needed, size } => too_big(needed, size, sizes),
        other => refused(&other),
    })?;
    Ok(Packed {
        image,
        files: reports,
        used: builder.needed(),
    })
}

fn refused(fault: &BuildFault) -> Failure {
    let exit = match fault {
        BuildFault::Size { .. } => Exit::Usage,
        _ => Exit::Refused,
    };
    Failure::new(exit, fault.code(), fault.to_string())
}

/// Says what is missing and what takes the room.
fn too_big(needed: u64, size: u32, mut sizes: Vec<(usize, String)>) -> Failure {
    sizes.sort_by(|a, b| b.cmp(a));
    let largest: Vec<String> = sizes
        .iter()
        .take(NAMED)
        .map(|(bytes, path)| format!("{path} ({})", short_size(*bytes as u64)))
        .collect();
    Failure::new(
        Exit::Refused,
        "www_too_big",
        format!(
            "the files need {needed} bytes with their folders and manifest, {} more than the image's {size}; the \
             largest as stored: {}",
            needed - u64::from(size),
            largest.join(", ")
        ),
    )
    .hint("leave out source maps, shrink pictures and fonts, or give a larger www partition and --size")
}
