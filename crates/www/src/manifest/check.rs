//! Whether an image is what its manifest says: every listed file there with its size and SHA-256, and no other.

use embedded_storage::nor_flash::ReadNorFlash;
use sha2::Digest as _;

use super::{CheckFault, PATH, Reader, Version};
use crate::littlefs::{BLOCK_SIZE, File, MAX_PATH, Mount, Node, Walk, WalkStep};
use crate::sha256::Sha256;
use crate::text::Text;

/// Bytes hashed at a time, from the stack.
const PIECE: usize = 512;

/// A check under way: about 2 KiB, with no hold on the flash between steps.
///
/// Walks over the image and the manifest side by side: both are in the same order.
#[derive(Clone, Debug)]
pub struct Check {
    mount: Mount,
    walk: Walk,
    manifest: Reader,
    /// The file being hashed.
    hashing: Option<Hashing>,
    /// The path the last step was about.
    path: Text<MAX_PATH>,
    files: u32,
    bytes: u64,
}

#[derive(Clone, Debug)]
struct Hashing {
    file: File,
    position: u32,
    hash: sha2::Sha256,
    listed: Sha256,
}

/// Whether there is more to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Call again.
    More,
    /// The image is what its manifest says.
    Done {
        /// Files checked, the manifest not among them.
        files: u32,
        /// Their bytes.
        bytes: u64,
    },
}

impl Check {
    /// Opens the manifest.
    pub fn new<F: ReadNorFlash>(mount: Mount, flash: &mut F) -> Result<Self, CheckFault<F::Error>> {
        Ok(Self {
            mount,
            walk: mount.walk(),
            manifest: Reader::open(mount, flash)?,
            hashing: None,
            path: Text::EMPTY,
            files: 0,
            bytes: 0,
        })
    }

    /// The frontend's own version, if it was given one.
    pub const fn version(&self) -> Option<&Version> {
        self.manifest.version()
    }

    /// The file the last step was about, which is the one a fault is about.
    pub fn path(&self) -> &str {
        self.path.as_str()
    }

    /// Goes on, by about [`BLOCK_SIZE`] bytes of flash.
    ///
    /// # Errors
    ///
    /// The first [`CheckFault`] met. Do not step on after it.
    pub fn step<F: ReadNorFlash>(
        &mut self,
        flash: &mut F,
    ) -> Result<Progress, CheckFault<F::Error>> {
        if let Some(hashing) = self.hashing.take() {
            self.hashing = hashing.step(self.mount, flash)?;
            return Ok(Progress::More);
        }
        match self.walk.step(flash)? {
            WalkStep::More => {}
            WalkStep::Entry(entry) => {
                let path = Text::new(entry.path).unwrap_or(Text::EMPTY);
                match entry.node {
                    Node::File(file) if path.as_str() != PATH => {
                        self.path = path;
                        self.start(flash, file)?;
                    }
                    Node::File(_) | Node::Directory => {}
                }
            }
            WalkStep::End => {
                return match self.manifest.next(flash)? {
                    None => Ok(Progress::Done {
                        files: self.files,
                        bytes: self.bytes,
                    }),
                    Some(line) => {
                        self.path = Text::new(line.path).unwrap_or(Text::EMPTY);
                        Err(CheckFault::Missing)
                    }
                };
            }
        }
        Ok(Progress::More)
    }

    /// Compares a file, `self.path`, with its line, and begins to hash it.
    fn start<F: ReadNorFlash>(
        &mut self,
        flash: &mut F,
        file: File,
    ) -> Result<(), CheckFault<F::Error>> {
        let Some(line) = self.manifest.next(flash)? else {
            return Err(CheckFault::Unlisted);
        };
        if line.path != self.path.as_str() {
            // Which of the two is too many?
            if self.mount.file(flash, line.path)?.is_some() {
                return Err(CheckFault::Unlisted);
            }
            self.path = Text::new(line.path).unwrap_or(Text::EMPTY);
            return Err(CheckFault::Missing);
        }
        if line.size != file.size {
            return Err(CheckFault::Size {
                listed: line.size,
                found: file.size,
            });
        }
        self.files += 1;
        self.bytes += u64::from(file.size);
        self.hashing = Some(Hashing {
            file,
            position: 0,
            hash: sha2::Sha256::new(),
            listed: line.sha256,
        });
        Ok(())
    }
}

impl Hashing {
    /// Hashes a block's worth; gives what is left to do.
    fn step<F: ReadNorFlash>(
        mut self,
        mount: Mount,
        flash: &mut F,
    ) -> Result<Option<Self>, CheckFault<F::Error>> {
        let mut piece = [0; PIECE];
        for _ in 0..BLOCK_SIZE as usize / PIECE {
            let read = mount.read(flash, &self.file, self.position, &mut piece)?;
            self.hash.update(piece.get(..read).unwrap_or_default());
            self.position = self.position.saturating_add(read as u32);
            if read < PIECE {
                let found: [u8; 32] = self.hash.finalize().into();
                return if found == self.listed.0 {
                    Ok(None)
                } else {
                    Err(CheckFault::Sha256)
                };
            }
        }
        Ok(Some(self))
    }
}
