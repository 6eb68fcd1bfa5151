//! Mounting: finding the root, and that the image fits the partition.

use embedded_storage::nor_flash::ReadNorFlash;

use super::disk::Disk;
use super::pair::{Pair, fetch, is_null};
use super::tag::{NO_ID, Tag, kind};
use super::{
    BLOCK_SIZE, Fault, File, MountFault, Progress, ReadAll, Walk, entry::Target, find, superblock,
};

/// A mounted image: where things are, not the flash itself. 28 bytes.
///
/// Every call takes the same window of flash again, the one given to [`Mount::open`]; with another
/// one the calls fail or find nothing, and do no harm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mount {
    /// The first metadata pair of the root folder.
    pub(super) root: [u32; 2],
    /// Blocks of the partition.
    blocks: u32,
    /// An entry that a power cut left at the old place of a move, which counts as gone.
    moved: Option<Moved>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Moved {
    pair: [u32; 2],
    id: u16,
}

impl Mount {
    /// Mounts the image in `flash`, a window that is the whole partition.
    ///
    /// Reads all metadata once, so that what it gives back has no broken chain of folders;
    /// the files' contents are [`Mount::check_all`]'s.
    ///
    /// # Errors
    ///
    /// No superblock, another version or block size, a partition of another size than the image
    /// is made for, or broken metadata: see [`MountFault`].
    pub fn open<F: ReadNorFlash>(flash: &mut F) -> Result<Self, MountFault<F::Error>> {
        let size = flash.capacity();
        let blocks = u32::try_from(size / BLOCK_SIZE as usize).unwrap_or(0);
        if blocks < 2 || !size.is_multiple_of(BLOCK_SIZE as usize) {
            return Err(MountFault::PartitionSize { size });
        }
        let mut disk = Disk::new(flash, blocks);
        let mut at = [0, 1];
        let mut root = None;
        let mut state = [0; 3];
        // All metadata pairs are one chain, and each takes two blocks.
        for _ in 0..blocks / 2 {
            let pair = match fetch(&mut disk, at) {
                Err(Fault::NoCommit { .. }) if root.is_none() => {
                    return Err(MountFault::NoSuperblock);
                }
                other => other?,
            };
            // The last pair with a superblock is the root; those before it only wear instead of it.
            if let Some(superblock) = superblock::read(&mut disk, &pair)? {
                superblock.check(blocks)?;
                root = Some(at);
            } else if root.is_none() {
                return Err(MountFault::NoSuperblock);
            }
            mix_state(&mut disk, &pair, &mut state)?;
            match root {
                Some(root) if is_null(pair.tail) => {
                    let moved = moved(state);
                    return Ok(Self {
                        root,
                        blocks,
                        moved,
                    });
                }
                _ => at = pair.tail,
            }
        }
        Err(MountFault::Broken(Fault::Circle))
    }

    /// Blocks of the partition, [`BLOCK_SIZE`] bytes each.
    pub const fn blocks(&self) -> u32 {
        self.blocks
    }

    /// The file at `path` (names between slashes, with or without one in front), or `None` when
    /// there is none or it is a folder.
    pub fn file<F: ReadNorFlash>(
        &self,
        flash: &mut F,
        path: &str,
    ) -> Result<Option<File>, Fault<F::Error>> {
        let target = find::target(self, &mut self.disk(flash), path)?;
        Ok(match target {
            Some(Target::File(file)) => Some(file),
            Some(Target::Directory(_)) | None => None,
        })
    }

    /// Reads `file` from byte `position` on and gives how many bytes there were: fewer than
    /// `bytes` holds only at the file's end.
    pub fn read<F: ReadNorFlash>(
        &self,
        flash: &mut F,
        file: &File,
        position: u32,
        bytes: &mut [u8],
    ) -> Result<usize, Fault<F::Error>> {
        file.read(&mut self.disk(flash), position, bytes)
    }

    /// A walk over every folder and file, in the order they lie in: by name, a folder's contents
    /// right behind it.
    pub fn walk(&self) -> Walk {
        Walk::new(*self)
    }

    /// Reads every file once, at one go. A device takes [`ReadAll`] and its small steps.
    pub fn check_all<F: ReadNorFlash>(&self, flash: &mut F) -> Result<(), Fault<F::Error>> {
        let mut all = ReadAll::new(*self);
        while all.step(flash)? == Progress::More {}
        Ok(())
    }

    pub(super) fn disk<'f, F: ReadNorFlash>(&self, flash: &'f mut F) -> Disk<'f, F> {
        Disk::new(flash, self.blocks)
    }

    /// Whether this entry was moved away by a move that a power cut interrupted.
    pub(super) fn is_gone(&self, pair: &Pair, id: u32) -> bool {
        self.moved.is_some_and(|moved| {
            u32::from(moved.id) == id && moved.pair.iter().any(|block| pair.blocks.contains(block))
        })
    }
}

/// Adds what `pair` has of the global state: the state is the XOR of all pairs' parts.
fn mix_state<F: ReadNorFlash>(
    disk: &mut Disk<'_, F>,
    pair: &Pair,
    state: &mut [u32; 3],
) -> Result<(), Fault<F::Error>> {
    let part = pair.newest(disk, NO_ID, |tag| tag.kind() == kind::MOVE_STATE)?;
    if let Some(part) = part.filter(|part| part.tag.length() >= 12) {
        let tag = disk.number(pair.block, part.data)?;
        let [a, b] = disk.numbers(pair.block, part.data + 4)?;
        for (word, part) in state.iter_mut().zip([tag, a, b]) {
            *word ^= part;
        }
    }
    Ok(())
}

/// The move that is under way by the global state, if one is.
fn moved([tag, a, b]: [u32; 3]) -> Option<Moved> {
    let tag = Tag(tag);
    (tag.family() != 0).then_some(Moved {
        pair: [a, b],
        id: tag.id() as u16,
    })
}
