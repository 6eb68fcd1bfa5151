//! The file to be sent, read once, so that what was checked is what is sent.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use md5::{Digest as _, Md5};
use updraft_image::{Chip, Expect, Facts, FaultCode, verify};

use crate::error::Failure;
use crate::exit::Exit;
use crate::firmware::{refused, shown};
use crate::text::short_size;

/// Most bytes that are read: the largest flash an ESP32 of any kind comes with.
const MAX_PAYLOAD: u64 = 32 * 1024 * 1024;

/// What every file system's image on an ESP32 is a multiple of, in bytes: a flash sector.
const SECTOR: usize = 4096;

/// What the file has to be.
#[derive(Debug, Clone, Copy)]
pub(super) enum Gate {
    /// A sound app, for this chip if one is named.
    App(Option<Chip>),
    /// A file system's image, as far as that can be told.
    Filesystem,
    /// Anything.
    None,
}

/// A file to be sent.
#[derive(Debug)]
pub(super) struct Payload {
    /// Its bytes.
    pub(super) content: Vec<u8>,
    /// Their MD5.
    pub(super) md5: [u8; 16],
    /// What it is, if it is a sound app.
    pub(super) facts: Option<Facts>,
}

impl Payload {
    /// Reads and checks a file; `-` is stdin.
    pub(super) fn read(path: &Path, gate: Gate) -> Result<Self, Failure> {
        let content = read(path).map_err(|error| {
            let exit = match error.kind() {
                io::ErrorKind::NotFound => Exit::NotFound,
                _ => Exit::Unexpected,
            };
            let message = format!("cannot read {}: {error}", shown(path));
            Failure::new(exit, "file_unreadable", message)
                .hint("give the path of a .bin file, or - to read stdin")
        })?;
        if content.len() as u64 > MAX_PAYLOAD {
            let message = format!(
                "{} is larger than {}, the largest flash there is",
                shown(path),
                short_size(MAX_PAYLOAD)
            );
            return Err(Failure::new(Exit::Refused, "too_large", message)
                .hint("send the app's own .bin file"));
        }
        let facts = check(path, &content, gate)?;
        Ok(Self {
            md5: Md5::digest(&content).into(),
            content,
            facts,
        })
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    let limit = MAX_PAYLOAD + 1;
    if path == Path::new("-") {
        io::stdin().lock().take(limit).read_to_end(&mut content)?;
    } else {
        File::open(path)?.take(limit).read_to_end(&mut content)?;
    }
    Ok(content)
}

fn check(path: &Path, content: &[u8], gate: Gate) -> Result<Option<Facts>, Failure> {
    let chip = match gate {
        Gate::App(chip) => chip,
        Gate::Filesystem | Gate::None => None,
    };
    let expect = Expect {
        chip,
        ..Expect::new()
    };
    match (gate, verify(content, expect)) {
        (Gate::App(_), Ok(facts)) => Ok(Some(facts)),
        (Gate::App(_), Err(fault)) => Err(refused(path, &fault)),
        (Gate::Filesystem, Ok(_)) => Err(no_filesystem(path, "app_image", "this is an app")),
        (Gate::Filesystem, Err(fault)) if is_something_else(fault.code) => {
            Err(refused(path, &fault))
        }
        (Gate::Filesystem, Err(_)) if !content.len().is_multiple_of(SECTOR) => {
            let why = format!(
                "its {} bytes are not whole sectors of {SECTOR}",
                content.len()
            );
            Err(no_filesystem(path, "filesystem_size", &why))
        }
        (Gate::Filesystem, Err(_)) => Ok(None),
        (Gate::None, verdict) => {
            if content.is_empty() {
                let message = format!("{}: the file is empty", shown(path));
                return Err(Failure::new(Exit::Refused, "empty_file", message)
                    .hint("there is nothing to send"));
            }
            Ok(verdict.ok())
        }
    }
}

fn no_filesystem(path: &Path, code: &'static str, why: &str) -> Failure {
    let message = format!("{}: {why}, not a file system's image", shown(path));
    Failure::new(Exit::Refused, code, message)
        .hint("give the image itself, or leave out --filesystem to send an app")
}

/// Whether the fault says what the file is, rather than that it is no app.
const fn is_something_else(code: FaultCode) -> bool {
    matches!(
        code,
        FaultCode::EmptyFile
            | FaultCode::Html
            | FaultCode::Json
            | FaultCode::Text
            | FaultCode::Elf
            | FaultCode::Uf2
            | FaultCode::Zip
            | FaultCode::Gzip
            | FaultCode::IntelHex
            | FaultCode::PartitionTable
            | FaultCode::Esp8266
            | FaultCode::BootloaderImage
            | FaultCode::MergedImage
            | FaultCode::ChecksumMismatch
            | FaultCode::HashMismatch
            | FaultCode::Truncated
            | FaultCode::TrailingBytes
    )
}
