//! Metadata pairs: two blocks of which the newer with a whole commit counts, each a log of
//! commits.

use embedded_storage::nor_flash::ReadNorFlash;

use super::crc::Crc;
use super::disk::Disk;
use super::tag::{self, Tag, family, kind};
use super::{BLOCK_SIZE, Fault, NULL};

/// Bytes of the revision count at a block's start.
const REVISION: u32 = 4;
/// Bytes of a commit's checksum.
const CHECKSUM: u32 = 4;
/// Bytes checksummed at a time.
const PIECE: usize = 64;

/// One metadata pair, as its last whole commit leaves it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pair {
    /// Its two blocks, as pointed to.
    pub(super) blocks: [u32; 2],
    /// The one that counts.
    pub(super) block: u32,
    /// Where the last whole commit ends.
    end: u32,
    /// The tag that ends it.
    last: Tag,
    /// One more than the highest id in use.
    pub(super) count: u32,
    /// Whether the directory goes on in `tail`; else `tail` is the next directory.
    pub(super) split: bool,
    /// The next pair, both [`NULL`] at the end.
    pub(super) tail: [u32; 2],
}

/// A tag that was looked for, and where its data begin.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    pub(super) tag: Tag,
    pub(super) data: u32,
}

/// A pair, and the id of the name that was looked for in it.
type Named = (Pair, Option<u32>);

/// Looks at each name while a block is read forwards, to find the one with this name in one pass.
struct Search<'n> {
    name: &'n [u8],
    id: Option<u32>,
}

pub(super) const fn is_null(pair: [u32; 2]) -> bool {
    pair[0] == NULL || pair[1] == NULL
}

/// Reads a pair.
pub(super) fn fetch<F: ReadNorFlash>(
    disk: &mut Disk<'_, F>,
    pair: [u32; 2],
) -> Result<Pair, Fault<F::Error>> {
    fetch_with(disk, pair, None).map(|(pair, _)| pair)
}

/// Reads a pair and gives the id of the file or folder of this name, if it is in it.
pub(super) fn fetch_named<F: ReadNorFlash>(
    disk: &mut Disk<'_, F>,
    pair: [u32; 2],
    name: &[u8],
) -> Result<Named, Fault<F::Error>> {
    fetch_with(disk, pair, Some(name))
}

fn fetch_with<F: ReadNorFlash>(
    disk: &mut Disk<'_, F>,
    pair: [u32; 2],
    name: Option<&[u8]>,
) -> Result<Named, Fault<F::Error>> {
    let [first, second] = pair;
    let revisions = [disk.number(first, 0)?, disk.number(second, 0)?];
    // Sequence comparison: the count wraps around.
    let newer = revisions[1].wrapping_sub(revisions[0]).cast_signed() > 0;
    let order = if newer {
        [second, first]
    } else {
        [first, second]
    };
    for block in order {
        if let Some(found) = scan(disk, pair, block, name)? {
            return Ok(found);
        }
    }
    Err(Fault::NoCommit { pair })
}

/// Reads one block's commits forwards; `None` when there is not one whole one.
fn scan<F: ReadNorFlash>(
    disk: &mut Disk<'_, F>,
    pair: [u32; 2],
    block: u32,
    name: Option<&[u8]>,
) -> Result<Option<Named>, Fault<F::Error>> {
    let mut crc = checksum(disk, block, 0, REVISION, Crc::NEW)?;
    let mut previous = tag::FIRST;
    let mut at = REVISION;
    // What the commit being read says, taken over once its checksum is right.
    let mut draft = Pair {
        blocks: pair,
        block,
        end: 0,
        last: tag::FIRST,
        count: 0,
        split: false,
        tail: [NULL; 2],
    };
    let mut search = name.map(|name| Search { name, id: None });
    let mut whole = None;
    // Each turn moves on by four bytes at least.
    while at + 4 <= BLOCK_SIZE {
        let raw = disk.big_endian(block, at)?;
        let tag = Tag(raw ^ previous.0);
        if !tag.is_valid() || at + tag.on_disk() > BLOCK_SIZE {
            break;
        }
        crc = crc.update(&raw.to_be_bytes());
        previous = tag;
        let data = at + 4;
        if tag.is_commit() {
            if tag.length() < CHECKSUM || disk.number(block, data)? != crc.value() {
                break;
            }
            // The flag says what the valid bit of erased space looks like after this commit.
            previous = Tag(tag.0 ^ ((tag.chunk() & 1) << 31));
            draft.end = at + tag.on_disk();
            draft.last = previous;
            whole = Some((draft, search.as_ref().and_then(|search| search.id)));
            crc = Crc::NEW;
        } else {
            crc = checksum(disk, block, data, tag.length(), crc)?;
            draft.apply(disk, tag, data)?;
            if let Some(search) = &mut search {
                search.apply(disk, block, tag, data)?;
            }
        }
        at += tag.on_disk();
    }
    Ok(whole)
}

fn checksum<F: ReadNorFlash>(
    disk: &mut Disk<'_, F>,
    block: u32,
    mut at: u32,
    length: u32,
    mut crc: Crc,
) -> Result<Crc, Fault<F::Error>> {
    let mut piece = [0; PIECE];
    let end = at + length;
    while at < end {
        let (bytes, _) = piece.split_at_mut(PIECE.min((end - at) as usize));
        disk.read(block, at, bytes)?;
        crc = crc.update(bytes);
        at += bytes.len() as u32;
    }
    Ok(crc)
}

impl Pair {
    fn apply<F: ReadNorFlash>(
        &mut self,
        disk: &mut Disk<'_, F>,
        tag: Tag,
        data: u32,
    ) -> Result<(), Fault<F::Error>> {
        match tag.family() {
            family::NAME => self.count = self.count.max(tag.id() + 1),
            family::SPLICE => self.count = self.count.saturating_add_signed(tag.splice()),
            family::TAIL if tag.length() >= 8 => {
                self.split = tag.chunk() & 1 == 1;
                self.tail = disk.numbers(self.block, data)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Looks for the newest tag of `id` that `wanted` takes, from the last commit backwards, and
    /// follows the id through files created and deleted since.
    pub(super) fn newest<F: ReadNorFlash>(
        &self,
        disk: &mut Disk<'_, F>,
        id: u32,
        wanted: impl Fn(Tag) -> bool,
    ) -> Result<Option<Found>, Fault<F::Error>> {
        // What belongs to no file stays where it is.
        let moves = id != tag::NO_ID;
        let mut id = id.cast_signed();
        let mut at = self.end;
        let mut next = self.last;
        // Each turn moves back by four bytes at least.
        while at >= REVISION + next.on_disk() {
            at -= next.on_disk();
            let tag = next;
            next = Tag((disk.big_endian(self.block, at)? ^ tag.0) & 0x7FFF_FFFF);
            let tag_id = tag.id().cast_signed();
            if moves && tag.family() == family::SPLICE && tag_id <= id {
                if tag.kind() == kind::CREATE && tag_id == id {
                    return Ok(None);
                }
                id -= tag.splice();
            }
            if tag_id == id && wanted(tag) {
                let data = at + 4;
                return Ok((!tag.is_deleted()).then_some(Found { tag, data }));
            }
        }
        Ok(None)
    }
}

impl Search<'_> {
    fn apply<F: ReadNorFlash>(
        &mut self,
        disk: &mut Disk<'_, F>,
        block: u32,
        tag: Tag,
        data: u32,
    ) -> Result<(), Fault<F::Error>> {
        if tag.is_name() {
            if self.matches(disk, block, tag, data)? {
                self.id = Some(tag.id());
            } else if self.id == Some(tag.id()) {
                self.id = None;
            }
        } else if tag.family() == family::SPLICE {
            self.id = match self.id {
                Some(id) if tag.kind() == kind::DELETE && tag.id() == id => None,
                Some(id) if tag.id() <= id => id.checked_add_signed(tag.splice()),
                other => other,
            };
        }
        Ok(())
    }

    fn matches<F: ReadNorFlash>(
        &self,
        disk: &mut Disk<'_, F>,
        block: u32,
        tag: Tag,
        data: u32,
    ) -> Result<bool, Fault<F::Error>> {
        if tag.is_deleted() || tag.length() as usize != self.name.len() {
            return Ok(false);
        }
        let mut at = data;
        let mut bytes = [0; PIECE];
        for piece in self.name.chunks(PIECE) {
            let (bytes, _) = bytes.split_at_mut(piece.len());
            disk.read(block, at, bytes)?;
            if bytes != piece {
                return Ok(false);
            }
            at += piece.len() as u32;
        }
        Ok(true)
    }
}
