//! Reading a firmware file from disk or stdin through the image verifier, piece by piece.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use updraft_image::{Expect, Facts, Fault, Head, MAX_IMAGE_SIZE, Verifier};

use crate::error::{Failure, Place};
use crate::exit::Exit;

/// How much is read at a time.
const PIECE: usize = 64 * 1024;

/// After a fault the verifier is fed on, because what follows may name the fault better (a merged image);
/// no app lies further into a file than this many bytes.
const MAX_READ_AFTER_FAULT: u32 = MAX_IMAGE_SIZE;

/// A firmware file that was read, sound or not.
#[derive(Debug)]
pub(crate) struct Inspected {
    /// What the first bytes say, if they are an app image's.
    pub(crate) head: Option<Head>,
    /// Everything, or what is wrong.
    pub(crate) verdict: Result<Facts, Fault>,
}

/// The file could not be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {}: {source}", path.display())]
pub(crate) struct ReadError {
    path: PathBuf,
    source: io::Error,
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        let exit = match error.source.kind() {
            io::ErrorKind::NotFound => Exit::NotFound,
            _ => Exit::Unexpected,
        };
        Self::new(exit, "file_unreadable", error.to_string())
            .hint("give the path of a .bin file, or - to read stdin")
    }
}

/// Reads and verifies `path`; `-` is stdin.
pub(crate) fn inspect(path: &Path, expect: Expect) -> Result<Inspected, ReadError> {
    let read = if path == Path::new("-") {
        feed(&mut io::stdin().lock(), expect)
    } else {
        File::open(path).and_then(|mut file| feed(&mut file, expect))
    };
    read.map_err(|source| ReadError {
        path: path.into(),
        source,
    })
}

/// Reads all of `path`, but no more than `limit` bytes; `-` is stdin.
pub(crate) fn read(path: &Path, limit: u64) -> Result<Vec<u8>, ReadError> {
    let mut content = Vec::new();
    let read = if path == Path::new("-") {
        io::stdin().lock().take(limit).read_to_end(&mut content)
    } else {
        File::open(path).and_then(|file| file.take(limit).read_to_end(&mut content))
    };
    read.map(|_| content).map_err(|source| ReadError {
        path: path.into(),
        source,
    })
}

fn feed(source: &mut impl Read, expect: Expect) -> io::Result<Inspected> {
    let mut verifier = Verifier::new(expect);
    let mut piece = vec![0; PIECE];
    loop {
        let read = match source.read(&mut piece) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let bytes = piece.get(..read).unwrap_or_default();
        if verifier.update(bytes).is_err() && verifier.position() > MAX_READ_AFTER_FAULT {
            break;
        }
    }
    Ok(Inspected {
        head: verifier.head().copied(),
        verdict: verifier.finish(),
    })
}

/// The failure a faulty image ends a command with.
pub(crate) fn refused(path: &Path, fault: &Fault) -> Failure {
    Failure {
        place: Some(Box::new(Place {
            offset: fault.offset,
            found: fault.found.to_string(),
            expected: fault.expected.to_string(),
        })),
        ..Failure::new(
            Exit::Refused,
            fault.code.as_str(),
            format!("{}: {}", shown(path), fault.code.summary()),
        )
        .hint(fault.hint())
    }
}

/// The file's name for messages.
pub(crate) fn shown(path: &Path) -> String {
    if path == Path::new("-") {
        "stdin".to_owned()
    } else {
        path.display().to_string()
    }
}
