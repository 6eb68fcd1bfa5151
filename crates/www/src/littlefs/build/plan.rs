//! Where everything goes: all metadata first, then the contents, file by file.

use alloc::vec;
use alloc::vec::Vec;

use super::block::{self, Block};
use super::tree::{Folder, Item};
use super::{INLINE_MAX, contents};
use crate::littlefs::ctz;
use crate::littlefs::tag::kind;

/// An image's layout.
pub(super) struct Plan<'t> {
    folders: Vec<FolderPlan<'t>>,
    /// Metadata blocks, two a pair.
    metadata: u64,
    /// Blocks of contents.
    contents: u64,
}

/// One folder's metadata pairs.
struct FolderPlan<'t> {
    pairs: Vec<Vec<Planned<'t>>>,
    /// The first block of the first pair; the others follow.
    first: u64,
}

/// One entry of a folder.
struct Planned<'t> {
    name: &'t str,
    target: Target<'t>,
}

enum Target<'t> {
    /// The folder's place in the plan.
    Folder(usize),
    Inline(&'t [u8]),
    /// Contents that begin at this block, counted from the end of the metadata.
    Blocks {
        contents: &'t [u8],
        start: u64,
    },
}

impl<'t> Plan<'t> {
    pub(super) fn new(root: &'t Folder) -> Self {
        let mut plan = Self {
            folders: vec![],
            metadata: 0,
            contents: 0,
        };
        plan.add(root);
        plan
    }

    /// Blocks the image takes.
    pub(super) const fn blocks(&self) -> u64 {
        self.metadata + self.contents
    }

    /// Plans a folder and all below it, and gives its place. As deep as paths are allowed to be.
    fn add(&mut self, folder: &'t Folder) -> usize {
        let place = self.folders.len();
        // Held first, so that the root is the first of all.
        self.folders.push(FolderPlan {
            pairs: vec![],
            first: 0,
        });
        let mut pairs = vec![vec![]];
        let mut used = if place == 0 { block::SUPERBLOCK } else { 0 };
        for (name, item) in &folder.items {
            let planned = Planned {
                name,
                target: self.target(item),
            };
            let size = planned.size();
            if used + size > block::ROOM {
                pairs.push(vec![]);
                used = 0;
            }
            used += size;
            if let Some(pair) = pairs.last_mut() {
                pair.push(planned);
            }
        }
        self.metadata += 2 * pairs.len() as u64;
        if let Some(folder) = self.folders.get_mut(place) {
            folder.pairs = pairs;
        }
        if place == 0 {
            self.number();
        }
        place
    }

    fn target(&mut self, item: &'t Item) -> Target<'t> {
        match item {
            Item::Folder(folder) => Target::Folder(self.add(folder)),
            Item::File(contents) if contents.len() <= INLINE_MAX => Target::Inline(contents),
            Item::File(contents) => {
                let start = self.contents;
                self.contents += u64::from(ctz::blocks(contents.len() as u32));
                Target::Blocks { contents, start }
            }
        }
    }

    /// Gives each folder its blocks.
    fn number(&mut self) {
        let mut next = 0;
        for folder in &mut self.folders {
            folder.first = next;
            next += 2 * folder.pairs.len() as u64;
        }
    }

    /// Writes all of it; `image` must have [`Plan::blocks`] blocks at least.
    pub(super) fn write(&self, image: &mut [u8]) {
        let mut at = 0;
        for (place, folder) in self.folders.iter().enumerate() {
            for (index, pair) in folder.pairs.iter().enumerate() {
                let mut block = Block::new();
                if place == 0 && index == 0 {
                    block.superblock(image.len());
                }
                for planned in pair {
                    self.entry(&mut block, planned, image);
                }
                let next = at + 2;
                if index + 1 < folder.pairs.len() {
                    block.tail(kind::HARD_TAIL, next);
                } else if next < self.metadata as u32 {
                    block.tail(kind::SOFT_TAIL, next);
                }
                block.write(image, at);
                at = next;
            }
        }
    }

    fn entry(&self, block: &mut Block, planned: &Planned<'_>, image: &mut [u8]) {
        let name = planned.name.as_bytes();
        match planned.target {
            Target::Folder(place) => {
                let first = self.folders.get(place).map_or(0, |folder| folder.first) as u32;
                block.folder(name, first);
            }
            Target::Inline(contents) => block.inline(name, contents),
            Target::Blocks { contents, start } => {
                let start = (self.metadata + start) as u32;
                let head = contents::write(image, start, contents);
                block.file(name, head, contents.len() as u32);
            }
        }
    }
}

impl Planned<'_> {
    /// Bytes of metadata.
    fn size(&self) -> usize {
        let place = match self.target {
            Target::Inline(contents) => contents.len(),
            Target::Folder(_) | Target::Blocks { .. } => 8,
        };
        4 + self.name.len() + 4 + place
    }
}
