//! Which files are stored compressed.

use std::io::{self, Read, Write as _};

use flate2::read::MultiGzDecoder;
use flate2::{Compression, GzBuilder};
use updraft_www::littlefs::{MAX_PATH, NAME_MAX};
use updraft_www::manifest::{Encoding, GZIP_SUFFIX};
use updraft_www::serve::is_compressible;

use super::source::Files;

/// Smaller files are stored as they are: they go out in one packet either way.
const MIN_SIZE: usize = 256;
/// Percent that compression must save at least; below it a client that cannot decompress is the dearer price.
const MIN_GAIN: usize = 10;

/// One file as it goes into the image.
#[derive(Debug)]
pub(super) struct Encoded {
    /// The path a browser asks for.
    pub(super) path: String,
    /// The path in the image.
    pub(super) stored_path: String,
    /// Bytes before compression.
    pub(super) size: usize,
    pub(super) encoding: Encoding,
    /// The bytes to store.
    pub(super) contents: Vec<u8>,
}

/// Chooses for each file; with `gzip` off all are stored as they are.
///
/// A build may have compressed files itself: where `x.gz` lies beside `x` and holds the same, it is
/// taken, and `x` is left out.
pub(super) fn encode(mut files: Files, gzip: bool) -> io::Result<Vec<Encoded>> {
    let mut encoded = Vec::new();
    while let Some((path, contents)) = files.pop_first() {
        // `x` sorts before `x.gz`, so that a compressed twin is still there.
        let stored_path = format!("{path}{GZIP_SUFFIX}");
        let size = contents.len();
        let compressed = match files.get(&stored_path) {
            _ if !gzip => None,
            Some(twin) if holds(twin, &contents) => files.remove(&stored_path),
            Some(_) => None,
            None => compress(&path, &stored_path, &contents)?,
        };
        encoded.push(match compressed {
            Some(contents) => Encoded {
                path,
                stored_path,
                size,
                encoding: Encoding::Gzip,
                contents,
            },
            None => Encoded {
                stored_path: path.clone(),
                path,
                size,
                encoding: Encoding::Identity,
                contents,
            },
        });
    }
    Ok(encoded)
}

fn compress(path: &str, stored_path: &str, contents: &[u8]) -> io::Result<Option<Vec<u8>>> {
    let name = stored_path.rsplit('/').next().unwrap_or(stored_path);
    if contents.len() < MIN_SIZE
        || !is_compressible(path)
        || name.len() > NAME_MAX
        || stored_path.len() > MAX_PATH
    {
        return Ok(None);
    }
    // No time, no name, and 255 for the operating system: the same contents give the same bytes everywhere.
    let mut encoder = GzBuilder::new()
        .mtime(0)
        .operating_system(255)
        .write(Vec::new(), Compression::best());
    encoder.write_all(contents)?;
    let compressed = encoder.finish()?;
    let most = contents.len() / 100 * (100 - MIN_GAIN);
    Ok((compressed.len() <= most).then_some(compressed))
}

/// Whether `gzip` decompresses to exactly `contents`.
fn holds(gzip: &[u8], contents: &[u8]) -> bool {
    decompress(gzip, contents.len() as u64).is_ok_and(|held| held == contents)
}

/// Decompresses to at most `limit` bytes.
pub(super) fn decompress(gzip: &[u8], limit: u64) -> io::Result<Vec<u8>> {
    let mut contents = Vec::new();
    let read = MultiGzDecoder::new(gzip)
        .take(limit.saturating_add(1))
        .read_to_end(&mut contents)?;
    if read as u64 > limit {
        let what = format!("it decompresses to more than {limit} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, what));
    }
    Ok(contents)
}
