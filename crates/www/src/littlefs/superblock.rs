//! The superblock: an entry of the first metadata pair that says what the image is.

use embedded_storage::nor_flash::ReadNorFlash;

use super::disk::Disk;
use super::pair::Pair;
use super::tag::kind;
use super::{BLOCK_SIZE, DISK_VERSION, Fault, MountFault};

/// The superblock's name.
pub(super) const MAGIC: &[u8; 8] = b"littlefs";
/// Bytes of its contents: version, block size, block count and three limits, four bytes each.
pub(super) const SIZE: u32 = 24;
/// The newest minor version known: 2.1 adds a checksum of erased space, which a reader skips.
const NEWEST_MINOR: u16 = 1;

/// What a mount needs to know of it.
pub(super) struct Superblock {
    pub(super) version: u32,
    pub(super) block_size: u32,
    pub(super) blocks: u32,
}

/// The superblock in `pair`, if there is one.
pub(super) fn read<F: ReadNorFlash>(
    disk: &mut Disk<'_, F>,
    pair: &Pair,
) -> Result<Option<Superblock>, Fault<F::Error>> {
    let name = pair.newest(disk, 0, |tag| tag.kind() == kind::SUPERBLOCK)?;
    let Some(name) = name.filter(|name| name.tag.length() as usize == MAGIC.len()) else {
        return Ok(None);
    };
    let mut magic = [0; MAGIC.len()];
    disk.read(pair.block, name.data, &mut magic)?;
    if &magic != MAGIC {
        return Ok(None);
    }
    let contents = pair.newest(disk, 0, |tag| tag.kind() == kind::INLINE_STRUCT)?;
    let Some(contents) = contents.filter(|contents| contents.tag.length() >= SIZE) else {
        return Ok(None);
    };
    Ok(Some(Superblock {
        version: disk.number(pair.block, contents.data)?,
        block_size: disk.number(pair.block, contents.data + 4)?,
        blocks: disk.number(pair.block, contents.data + 8)?,
    }))
}

impl Superblock {
    /// Whether this reader can take the image in a partition of `partition` blocks.
    pub(super) fn check<E>(&self, partition: u32) -> Result<(), MountFault<E>> {
        let (major, minor) = ((self.version >> 16) as u16, self.version as u16);
        if u32::from(major) != DISK_VERSION >> 16 || minor > NEWEST_MINOR {
            return Err(MountFault::Version { major, minor });
        }
        if self.block_size != BLOCK_SIZE {
            let found = self.block_size;
            return Err(MountFault::BlockSize { found });
        }
        if self.blocks != partition {
            let image = self.blocks;
            return Err(MountFault::BlockCount { image, partition });
        }
        Ok(())
    }
}
