//! Entries of a folder: what an id stands for.

use embedded_storage::nor_flash::ReadNorFlash;

use super::disk::Disk;
use super::file::{File, Place};
use super::pair::{Found, Pair};
use super::tag::{Tag, family, kind};
use super::{BLOCK_SIZE, Fault};

/// What an entry leads to.
#[derive(Clone, Copy, Debug)]
pub(super) enum Target {
    /// A folder, by its first metadata pair.
    Directory([u32; 2]),
    /// A file.
    File(File),
}

/// What `id` of `pair` is, and where its name stands; `None` when it is no file or folder, or not
/// any more.
pub(super) fn target<F: ReadNorFlash>(
    disk: &mut Disk<'_, F>,
    pair: &Pair,
    id: u32,
) -> Result<Option<(Target, Found)>, Fault<F::Error>> {
    let Some(name) = pair.newest(disk, id, Tag::is_name)? else {
        return Ok(None);
    };
    let broken = Fault::Entry {
        block: pair.block,
        id: id as u16,
    };
    let Some(place) = pair.newest(disk, id, |tag| tag.family() == family::STRUCT)? else {
        return Err(broken);
    };
    let target = match (name.tag.kind(), place.tag.kind()) {
        (kind::DIRECTORY, kind::DIR_STRUCT) if place.tag.length() >= 8 => {
            Target::Directory(disk.numbers(pair.block, place.data)?)
        }
        (kind::REGULAR, kind::INLINE_STRUCT) => Target::File(File {
            size: place.tag.length(),
            place: Place::Inline {
                block: pair.block,
                offset: place.data,
            },
        }),
        (kind::REGULAR, kind::CTZ_STRUCT) if place.tag.length() >= 8 => {
            let [head, size] = disk.numbers(pair.block, place.data)?;
            if u64::from(size) > u64::from(disk.blocks()) * u64::from(BLOCK_SIZE) {
                return Err(Fault::FileSize { size });
            }
            let place = Place::Blocks { head };
            Target::File(File { size, place })
        }
        _ => return Err(broken),
    };
    Ok(Some((target, name)))
}
