//! An image file, as the flash of a partition.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use embedded_storage::nor_flash::{ErrorType, NorFlashErrorKind, ReadNorFlash};
use sha2::Digest as _;
use updraft_www::Sha256;
use updraft_www::littlefs::{BLOCK_SIZE, Fault, Mount, MountFault, Node};
use updraft_www::manifest::{
    Check, CheckFault, Encoding, GZIP_SUFFIX, PATH, Progress, Reader, Version,
};
use updraft_www::serve::{cache, content_type};

use super::report::FileReport;
use crate::error::Failure;
use crate::exit::Exit;

/// Biggest image read: the biggest flash an ESP32 boots from.
const MAX_SIZE: u64 = 128 * 1024 * 1024;

/// An image that mounts.
pub(in crate::commands) struct Image {
    path: PathBuf,
    bytes: Bytes,
    pub(super) mount: Mount,
    pub(super) manifest: Option<Manifest>,
}

/// What the manifest says of the whole.
pub(super) struct Manifest {
    pub(super) version: Option<Version>,
}

/// A file of an image.
pub(super) struct Stored {
    pub(super) report: FileReport,
    pub(super) contents: Vec<u8>,
}

/// Bytes as a flash that is only read.
pub(super) struct Bytes(Vec<u8>);

impl ErrorType for Bytes {
    type Error = NorFlashErrorKind;
}

impl ReadNorFlash for Bytes {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), NorFlashErrorKind> {
        let from = offset as usize;
        let there = self.0.get(from..from.saturating_add(bytes.len()));
        bytes.copy_from_slice(there.ok_or(NorFlashErrorKind::OutOfBounds)?);
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.0.len()
    }
}

impl Image {
    /// Reads and mounts the image at `path`; `-` is stdin.
    pub(in crate::commands) fn open(path: &Path) -> Result<Self, Failure> {
        let mut bytes = Bytes(read(path)?);
        let of = |fault: &MountFault<_>| broken(path, fault.code(), &fault.to_string());
        let mount = Mount::open(&mut bytes).map_err(|fault| of(&fault))?;
        let manifest = match Reader::open(mount, &mut bytes) {
            Ok(reader) => Some(Manifest {
                version: reader.version().copied(),
            }),
            Err(_) => None,
        };
        Ok(Self {
            path: path.into(),
            bytes,
            mount,
            manifest,
        })
    }

    /// The whole image.
    pub(in crate::commands) fn bytes(&self) -> &[u8] {
        &self.bytes.0
    }

    /// The version its manifest names.
    pub(in crate::commands) fn version(&self) -> Option<String> {
        let manifest = self.manifest.as_ref()?;
        manifest.version.map(|version| version.to_string())
    }

    /// That it is made for a partition of `size` bytes.
    pub(in crate::commands) fn fits(&self, size: u32) -> Result<(), Failure> {
        let partition = size / BLOCK_SIZE;
        let image = self.mount.blocks();
        if image == partition {
            return Ok(());
        }
        let fault = MountFault::<NorFlashErrorKind>::BlockCount { image, partition };
        Err(broken(&self.path, fault.code(), &fault.to_string()))
    }

    /// That every file can be read, and is what the manifest says if there is one.
    pub(in crate::commands) fn check(&mut self) -> Result<(), Failure> {
        if self.manifest.is_none() {
            let checked = self.mount.check_all(&mut self.bytes);
            return checked.map_err(|fault| self.fault(&fault));
        }
        let of = |fault: &CheckFault<_>, file: &str| {
            let file = if file.is_empty() {
                String::new()
            } else {
                format!("{file}: ")
            };
            broken(&self.path, fault.code(), &format!("{file}{fault}"))
        };
        let mut check = Check::new(self.mount, &mut self.bytes).map_err(|fault| of(&fault, ""))?;
        loop {
            match check.step(&mut self.bytes) {
                Ok(Progress::More) => {}
                Ok(Progress::Done { .. }) => return Ok(()),
                Err(fault) => return Err(of(&fault, check.path())),
            }
        }
    }

    /// Every file but the manifest, with what the manifest or its name says of it.
    pub(super) fn files(&mut self) -> Result<Vec<Stored>, Failure> {
        let listed = self.listed()?;
        let mut files = Vec::new();
        let mut walk = self.mount.walk();
        loop {
            let entry = walk
                .next(&mut self.bytes)
                .map_err(|fault| self.fault(&fault))?;
            let Some(entry) = entry else {
                return Ok(files);
            };
            let Node::File(file) = entry.node else {
                continue;
            };
            if self.manifest.is_some() && entry.path == PATH {
                continue;
            }
            let path = entry.path.to_owned();
            let mut contents = vec![0; file.size as usize];
            let read = self.mount.read(&mut self.bytes, &file, 0, &mut contents);
            read.map_err(|fault| self.fault(&fault))?;
            let report = match listed.iter().find(|report| report.stored_path == path) {
                Some(report) => FileReport {
                    sha256: sha256(&contents).to_string(),
                    stored: file.size,
                    path: report.path.clone(),
                    stored_path: path,
                    content_type: report.content_type.clone(),
                    ..*report
                },
                None => FileReport {
                    stored: file.size,
                    size: Some(u64::from(file.size)),
                    encoding: FileReport::encoding(Encoding::Identity),
                    content_type: content_type(&path).to_owned(),
                    cache: FileReport::cache(cache(&path)),
                    sha256: sha256(&contents).to_string(),
                    stored_path: path.clone(),
                    path,
                },
            };
            files.push(Stored { report, contents });
        }
    }

    /// The manifest's lines, none without one.
    fn listed(&mut self) -> Result<Vec<FileReport>, Failure> {
        let mut listed = Vec::new();
        if self.manifest.is_none() {
            return Ok(listed);
        }
        let of = |code, text: &str| broken(&self.path, code, text);
        let mut reader = Reader::open(self.mount, &mut self.bytes)
            .map_err(|fault| of(fault.code(), &fault.to_string()))?;
        loop {
            let line = reader.next(&mut self.bytes);
            let Some(line) = line.map_err(|fault| of(fault.code(), &fault.to_string()))? else {
                return Ok(listed);
            };
            let path = match line.encoding {
                Encoding::Gzip => line.path.strip_suffix(GZIP_SUFFIX).unwrap_or(line.path),
                Encoding::Identity => line.path,
            };
            listed.push(FileReport {
                path: path.to_owned(),
                stored_path: line.path.to_owned(),
                stored: line.size,
                size: (line.encoding == Encoding::Identity).then_some(line.size.into()),
                encoding: FileReport::encoding(line.encoding),
                content_type: line.content_type.to_string(),
                cache: FileReport::cache(line.cache),
                sha256: line.sha256.to_string(),
            });
        }
    }

    fn fault(&self, fault: &Fault<NorFlashErrorKind>) -> Failure {
        broken(&self.path, fault.code(), &fault.to_string())
    }
}

/// The SHA-256 of some bytes.
pub(super) fn sha256(bytes: &[u8]) -> Sha256 {
    Sha256(sha2::Sha256::digest(bytes).into())
}

fn broken(path: &Path, code: &'static str, text: &str) -> Failure {
    let path = crate::firmware::shown(path);
    Failure::new(Exit::Refused, code, format!("{path}: {text}"))
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = if path == Path::new("-") {
        io::stdin().lock().take(MAX_SIZE).read_to_end(&mut bytes)
    } else {
        File::open(path).and_then(|file| file.take(MAX_SIZE).read_to_end(&mut bytes))
    };
    match read {
        Ok(_) => Ok(bytes),
        Err(error) => {
            let exit = match error.kind() {
                io::ErrorKind::NotFound => Exit::NotFound,
                _ => Exit::Unexpected,
            };
            let path = crate::firmware::shown(path);
            let message = format!("cannot read {path}: {error}");
            Err(Failure::new(exit, "file_unreadable", message)
                .hint("give the path of an image, or - to read stdin"))
        }
    }
}
