//! Making images: the same files give the same bytes, whatever the order they were added in.
//!
//! A new image needs no more than one commit a metadata pair, so this is a writer, not a file
//! system. Each pair's two blocks both hold the whole commit: a spoilt block of metadata costs
//! nothing then. Files up to [`INLINE_MAX`] bytes lie in the metadata, others in blocks of their own.

mod block;
mod contents;
mod fault;
mod plan;
mod tree;

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

pub use fault::BuildFault;

use super::BLOCK_SIZE;
use plan::Plan;
use tree::Folder;

/// Biggest file kept in the metadata, in bytes. A driver reads such files into its cache, which
/// `esp_littlefs` makes 512 bytes; and each makes every look into its folder longer.
pub const INLINE_MAX: usize = 256;
/// Most bytes of one file, as littlefs's own code has it.
pub const FILE_MAX: u32 = 0x7FFF_FFFF;
/// Most bytes of a custom attribute, as littlefs's own code has it. None are written.
const ATTRIBUTE_MAX: u32 = 0x3FE;

/// The files of an image to be.
#[derive(Debug, Default)]
pub struct Builder {
    root: Folder,
}

impl Builder {
    /// No files yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file; `path` is names between slashes, and its folders come by themselves.
    ///
    /// # Errors
    ///
    /// A path that a device could not hold or that is taken, or a file over [`FILE_MAX`]; see
    /// [`BuildFault`].
    pub fn add(&mut self, path: &str, contents: Vec<u8>) -> Result<(), BuildFault> {
        self.root.add(path, contents)
    }

    /// Bytes of the smallest image that holds the files.
    pub fn needed(&self) -> u64 {
        Plan::new(&self.root).blocks() * u64::from(BLOCK_SIZE)
    }

    /// The image for a partition of `size` bytes.
    ///
    /// # Errors
    ///
    /// A size that is no whole number of blocks, or too small: [`BuildFault::TooBig`] says by how
    /// much.
    pub fn image(&self, size: u32) -> Result<Vec<u8>, BuildFault> {
        if size < 2 * BLOCK_SIZE || !size.is_multiple_of(BLOCK_SIZE) {
            return Err(BuildFault::Size { size });
        }
        let plan = Plan::new(&self.root);
        let needed = plan.blocks() * u64::from(BLOCK_SIZE);
        if needed > u64::from(size) {
            return Err(BuildFault::TooBig { needed, size });
        }
        let mut image = vec![0xFF; size as usize];
        plan.write(&mut image);
        Ok(image)
    }
}

/// A path for an error message.
fn named(path: &str) -> String {
    String::from(path)
}
