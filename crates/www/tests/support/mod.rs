//! What the tests of `LittleFS` share.
#![allow(dead_code, reason = "each test takes what it needs")]

pub(crate) mod oracle;

use embedded_storage::nor_flash::{ErrorType, NorFlashError, NorFlashErrorKind, ReadNorFlash};
use updraft_www::littlefs::{Fault, File, Mount, MountFault, Node};

pub(crate) use oracle::Tree;

/// An image as a flash that is read four bytes at a time at least, and counts what is read.
pub(crate) struct Image {
    pub(crate) bytes: Vec<u8>,
    /// Bytes read so far.
    pub(crate) read: u64,
}

/// The flash's own failure: an access out of bounds or unaligned, which the reader must never make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Misread;

impl NorFlashError for Misread {
    fn kind(&self) -> NorFlashErrorKind {
        NorFlashErrorKind::Other
    }
}

impl Image {
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self { bytes, read: 0 }
    }
}

impl ErrorType for Image {
    type Error = Misread;
}

impl ReadNorFlash for Image {
    const READ_SIZE: usize = 4;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Misread> {
        let offset = offset as usize;
        if !offset.is_multiple_of(4) || !bytes.len().is_multiple_of(4) {
            return Err(Misread);
        }
        let from = self
            .bytes
            .get(offset..offset + bytes.len())
            .ok_or(Misread)?;
        bytes.copy_from_slice(from);
        self.read += bytes.len() as u64;
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.bytes.len()
    }
}

/// All that our reader finds in an image.
pub(crate) fn read(image: &mut Image) -> Result<Tree, MountFault<Misread>> {
    let mount = Mount::open(image)?;
    let mut walk = mount.walk();
    let mut tree = Tree::new();
    while let Some(entry) = walk.next(image)? {
        let contents = match entry.node {
            Node::Directory => None,
            Node::File(file) => Some(contents(&mount, image, &file)?),
        };
        tree.insert(entry.path.to_owned(), contents);
    }
    Ok(tree)
}

/// A file's bytes.
pub(crate) fn contents(
    mount: &Mount,
    image: &mut Image,
    file: &File,
) -> Result<Vec<u8>, Fault<Misread>> {
    let mut bytes = vec![0; file.size as usize];
    assert_eq!(mount.read(image, file, 0, &mut bytes)?, bytes.len());
    Ok(bytes)
}
