//! Files: where their contents are.

use embedded_storage::nor_flash::ReadNorFlash;

use super::disk::Disk;
use super::{BLOCK_SIZE, Fault, ctz};

/// A file of a mounted image. Holds for as long as the partition is not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct File {
    /// Its bytes.
    pub size: u32,
    pub(super) place: Place,
}

/// Where a file's contents are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In the metadata.
    Inline {
        /// The metadata block.
        block: u32,
        /// Where in it.
        offset: u32,
    },
    /// In blocks of their own.
    Blocks {
        /// The last one.
        head: u32,
    },
}

impl File {
    /// Blocks the contents take up; none when they are in the metadata.
    pub(super) const fn blocks(&self) -> u32 {
        match self.place {
            Place::Inline { .. } => 0,
            Place::Blocks { .. } => ctz::blocks(self.size),
        }
    }

    /// Reads from byte `position` on and gives how many bytes there were: fewer than asked for
    /// only at the file's end.
    pub(super) fn read<F: ReadNorFlash>(
        &self,
        disk: &mut Disk<'_, F>,
        mut position: u32,
        bytes: &mut [u8],
    ) -> Result<usize, Fault<F::Error>> {
        let left = self.size.saturating_sub(position) as usize;
        let wanted = left.min(bytes.len());
        let (mut rest, _) = bytes.split_at_mut(wanted);
        while !rest.is_empty() {
            let (block, offset, room) = match self.place {
                Place::Inline { block, offset } => (block, offset + position, rest.len() as u32),
                Place::Blocks { head } => {
                    let (block, offset) = ctz::find(disk, head, self.size, position)?;
                    (block, offset, BLOCK_SIZE - offset)
                }
            };
            let (now, later) = rest.split_at_mut(rest.len().min(room as usize));
            disk.read(block, offset, now)?;
            position += now.len() as u32;
            rest = later;
        }
        Ok(wanted)
    }
}
