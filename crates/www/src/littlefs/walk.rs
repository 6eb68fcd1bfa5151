//! Going through all folders and files.

use core::str;

use embedded_storage::nor_flash::ReadNorFlash;

use super::disk::Disk;
use super::entry::{Target, target};
use super::pair::{Found, Pair, fetch, is_null};
use super::{Fault, File, MAX_DEPTH, MAX_PATH, Mount, path};

/// A place in a walk over an image: about 900 bytes, with no hold on the flash between steps.
///
/// Ends on every image: it visits no more metadata pairs, and gives no more file contents, than the
/// partition has room for. After a fault it gives nothing more.
#[derive(Clone, Debug)]
pub struct Walk {
    mount: Mount,
    /// The folders on the way to where it is, the root first.
    levels: [Level; MAX_DEPTH + 1],
    /// How many of them count; 0 at the end.
    depth: usize,
    path: [u8; MAX_PATH],
    pairs_left: u32,
    blocks_left: u32,
}

/// One folder on the way.
#[derive(Clone, Copy, Debug)]
struct Level {
    /// The metadata pair to go on in.
    at: [u32; 2],
    /// That pair, once read.
    pair: Option<Pair>,
    /// The next id in it.
    id: u32,
    /// Bytes of the folder's own path, its last slash included.
    stem: usize,
}

/// A folder or file met on a walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'w> {
    /// Names between slashes, none in front. Safe to use below a folder: no name is empty, a dot
    /// name, or holds a slash, backslash or control character.
    pub path: &'w str,
    /// What it is.
    pub node: Node,
}

/// What a path leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Node {
    /// A folder.
    Directory,
    /// A file.
    File(File),
}

/// What one step of a walk came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WalkStep<'w> {
    /// The next folder or file.
    Entry(Entry<'w>),
    /// Nothing yet; go on.
    More,
    /// All were seen.
    End,
}

impl Walk {
    pub(super) fn new(mount: Mount) -> Self {
        let root = Level::new(mount.root, 0);
        Self {
            levels: [root; MAX_DEPTH + 1],
            depth: 1,
            path: [0; MAX_PATH],
            pairs_left: mount.blocks() / 2,
            blocks_left: mount.blocks(),
            mount,
        }
    }

    /// Goes on to the next folder or file.
    pub fn next<F: ReadNorFlash>(
        &mut self,
        flash: &mut F,
    ) -> Result<Option<Entry<'_>>, Fault<F::Error>> {
        loop {
            // Twice, because a borrow that is returned from inside a loop would last through it.
            match self.advance(flash)? {
                Advance::Met(length, node) => return self.entry(length, node).map(Some),
                Advance::More => {}
                Advance::End => return Ok(None),
            }
        }
    }

    /// Goes on a little: reads a few KiB at most.
    pub fn step<F: ReadNorFlash>(
        &mut self,
        flash: &mut F,
    ) -> Result<WalkStep<'_>, Fault<F::Error>> {
        Ok(match self.advance(flash)? {
            Advance::Met(length, node) => WalkStep::Entry(self.entry(length, node)?),
            Advance::More => WalkStep::More,
            Advance::End => WalkStep::End,
        })
    }

    /// Gives nothing more from here on.
    pub(super) fn stop(&mut self) {
        self.depth = 0;
    }

    fn entry<E>(&self, length: usize, node: Node) -> Result<Entry<'_>, Fault<E>> {
        let path = self.path.get(..length).map(str::from_utf8);
        match path {
            Some(Ok(path)) => Ok(Entry { path, node }),
            _ => Err(Fault::PathTooLong),
        }
    }

    fn advance<F: ReadNorFlash>(&mut self, flash: &mut F) -> Result<Advance, Fault<F::Error>> {
        let advanced = self.try_advance(&mut self.mount.disk(flash));
        if advanced.is_err() {
            self.stop();
        }
        advanced
    }

    fn try_advance<F: ReadNorFlash>(
        &mut self,
        disk: &mut Disk<'_, F>,
    ) -> Result<Advance, Fault<F::Error>> {
        let here = self.levels.get_mut(..self.depth);
        let Some(level) = here.and_then(<[Level]>::last_mut) else {
            return Ok(Advance::End);
        };
        let Some(pair) = level.pair else {
            self.pairs_left = self.pairs_left.checked_sub(1).ok_or(Fault::Circle)?;
            level.pair = Some(fetch(disk, level.at)?);
            level.id = 0;
            return Ok(Advance::More);
        };
        if level.id >= pair.count {
            if pair.split && !is_null(pair.tail) {
                *level = Level::new(pair.tail, level.stem);
            } else {
                self.depth -= 1;
            }
            return Ok(Advance::More);
        }
        let (id, stem) = (level.id, level.stem);
        level.id += 1;
        if self.mount.is_gone(&pair, id) {
            return Ok(Advance::More);
        }
        match target(disk, &pair, id)? {
            None => Ok(Advance::More),
            Some((target, name)) => {
                let length = self.take_name(disk, &pair, id, stem, name)?;
                let node = self.enter(target, length)?;
                Ok(Advance::Met(length, node))
            }
        }
    }

    /// Reads a name behind the folder's path and gives the length of both.
    fn take_name<F: ReadNorFlash>(
        &mut self,
        disk: &mut Disk<'_, F>,
        pair: &Pair,
        id: u32,
        stem: usize,
        name: Found,
    ) -> Result<usize, Fault<F::Error>> {
        let length = stem + name.tag.length() as usize;
        let place = self.path.get_mut(stem..length).ok_or(Fault::PathTooLong)?;
        disk.read(pair.block, name.data, place)?;
        if str::from_utf8(place).is_ok_and(path::is_name) {
            Ok(length)
        } else {
            Err(Fault::Name {
                block: pair.block,
                id: id as u16,
            })
        }
    }

    /// Steps into a folder, or counts a file.
    fn enter<E>(&mut self, target: Target, length: usize) -> Result<Node, Fault<E>> {
        match target {
            Target::Directory(first) => {
                let slash = self.path.get_mut(length).ok_or(Fault::PathTooLong)?;
                *slash = b'/';
                let level = self.levels.get_mut(self.depth).ok_or(Fault::TooDeep)?;
                *level = Level::new(first, length + 1);
                self.depth += 1;
                Ok(Node::Directory)
            }
            Target::File(file) => {
                let left = self.blocks_left.checked_sub(file.blocks());
                self.blocks_left = left.ok_or(Fault::Overlap)?;
                Ok(Node::File(file))
            }
        }
    }
}

/// What one step came to, before the path is borrowed.
enum Advance {
    /// An entry whose path has this many bytes.
    Met(usize, Node),
    More,
    End,
}

impl Level {
    const fn new(at: [u32; 2], stem: usize) -> Self {
        Self {
            at,
            pair: None,
            id: 0,
            stem,
        }
    }
}
