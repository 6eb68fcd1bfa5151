//! From a path to what it leads to.

use embedded_storage::nor_flash::ReadNorFlash;

use super::disk::Disk;
use super::entry::{Target, target as entry};
use super::pair::{fetch_named, is_null};
use super::{Fault, Mount, path};

/// What `path` leads to, or `None`.
pub(super) fn target<F: ReadNorFlash>(
    mount: &Mount,
    disk: &mut Disk<'_, F>,
    path: &str,
) -> Result<Option<Target>, Fault<F::Error>> {
    let Some(names) = path::names(path) else {
        return Ok(None);
    };
    let mut here = Target::Directory(mount.root);
    for name in names {
        let Target::Directory(first) = here else {
            return Ok(None);
        };
        match in_directory(mount, disk, first, name)? {
            Some(target) => here = target,
            None => return Ok(None),
        }
    }
    Ok(Some(here))
}

/// The entry `name` of the folder that begins at `first`.
fn in_directory<F: ReadNorFlash>(
    mount: &Mount,
    disk: &mut Disk<'_, F>,
    first: [u32; 2],
    name: &str,
) -> Result<Option<Target>, Fault<F::Error>> {
    let mut at = first;
    // A folder has no more pairs than the partition.
    for _ in 0..disk.blocks() / 2 {
        let (pair, id) = fetch_named(disk, at, name.as_bytes())?;
        if let Some(id) = id.filter(|id| !mount.is_gone(&pair, *id)) {
            return Ok(entry(disk, &pair, id)?.map(|(target, _)| target));
        }
        if !pair.split || is_null(pair.tail) {
            return Ok(None);
        }
        at = pair.tail;
    }
    Err(Fault::Circle)
}
