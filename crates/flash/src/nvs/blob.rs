//! Blobs: chunks, each on one page, and an index that makes them a blob once all are written.
//!
//! A blob is never written over. Its chunks are numbered from 0 or from 128, the other of the two
//! each time, so that old and new stand side by side until the new index is there.
//! Source: ESP-IDF `nvs_storage.cpp` (`writeMultiPageBlob` and what stands around it).

use embedded_storage::nor_flash::NorFlash;

use super::entry::{
    CHUNKS_MAX, ENTRY_SIZE, Item, NOT_A_CHUNK, PAYLOAD_MAX, SECOND_VERSION, same_version,
};
use super::name::Name;
use super::store::{Nvs, NvsResult, Place};
use super::{Kind, NvsError};

/// A first chunk that would be smaller than this, and not the whole blob, goes to a new page.
const FIRST_CHUNK_MIN: usize = PAYLOAD_MAX / 10;

impl<F: NorFlash> Nvs<F> {
    /// The blob stored under a key, read into `buffer`; `None` when there is none.
    pub fn get_blob<'b>(
        &mut self,
        namespace: &str,
        key: &str,
        buffer: &'b mut [u8],
    ) -> NvsResult<Option<&'b [u8]>, F> {
        let Some((at, item)) = self.lookup(namespace, key)? else {
            return Ok(None);
        };
        let needed = match item.kind() {
            Some(Kind::Blob) => item.blob_size() as usize,
            Some(Kind::OldBlob) => item.payload_size(),
            other => {
                return Err(NvsError::WrongType {
                    found: other.unwrap_or(Kind::Blob),
                });
            }
        };
        let blob = buffer
            .get_mut(..needed)
            .ok_or(NvsError::BufferTooSmall { needed })?;
        let sound = self.read_blob(at, &item, |offset, bytes| {
            for (to, from) in blob.iter_mut().skip(offset).zip(bytes) {
                *to = *from;
            }
        })?;
        if sound {
            Ok(Some(blob))
        } else {
            Err(NvsError::Damaged)
        }
    }

    /// Stores a blob, in place of whatever the key held. The same blob again writes nothing.
    ///
    /// The longest is 4,000 bytes for every page but one; in practice, what fits beside the old
    /// blob, since that is erased only afterwards.
    pub fn set_blob(&mut self, namespace: &str, key: &str, blob: &[u8]) -> NvsResult<(), F> {
        let pages = usize::from(self.page_numbers().end).saturating_sub(1);
        let max = pages.min(CHUNKS_MAX) * PAYLOAD_MAX;
        if blob.len() > max {
            return Err(NvsError::ValueTooLong {
                len: blob.len(),
                max,
            });
        }
        let (ns, key) = self.target(namespace, key)?;
        let mut start = 0;
        if let Some((at, item)) = self.find_head(ns, key)?
            && item.kind() == Some(Kind::Blob)
        {
            if self.blob_is(at, &item, blob)? {
                return Ok(());
            }
            start = if item.blob_start() == 0 {
                SECOND_VERSION
            } else {
                0
            };
        }
        match self.write_blob(ns, key, start, blob) {
            Ok(at) => self.erase_others(ns, key, Some((at, Some(start)))),
            // After a flash error nothing more is done: the next call repairs, as a mount would.
            Err(error @ NvsError::Flash(_)) => Err(error),
            Err(error) => {
                self.erase_chunks(ns, key, |chunk| same_version(start, chunk))?;
                Err(error)
            }
        }
    }

    fn write_blob(&mut self, ns: u8, key: Name, start: u8, blob: &[u8]) -> NvsResult<Place, F> {
        let room = self.payload_room();
        if room < FIRST_CHUNK_MIN && (room < blob.len() || room == 0) {
            self.next_page()?;
        }
        let mut rest = blob;
        let mut count = 0;
        loop {
            let room = self.payload_room();
            if room == 0 || usize::from(count) >= CHUNKS_MAX {
                return Err(NvsError::NotEnoughSpace);
            }
            let (chunk, after) = rest.split_at(rest.len().min(room));
            let item = Item::payload(ns, Kind::Chunk, key, start + count, [chunk, &[]]);
            self.append(&item, chunk, &[])?;
            count += 1;
            rest = after;
            if !rest.is_empty() || room - chunk.len() < ENTRY_SIZE {
                self.next_page()?;
            }
            if rest.is_empty() {
                break;
            }
        }
        let index = Item::blob_index(ns, key, blob.len() as u32, count, start);
        self.append(&index, &[], &[])
    }

    /// Reads a blob piece by piece, giving each with its offset. Says whether it was sound.
    fn read_blob(
        &mut self,
        at: Place,
        head: &Item,
        mut piece: impl FnMut(usize, &[u8]),
    ) -> NvsResult<bool, F> {
        if head.kind() == Some(Kind::OldBlob) {
            return self.read_payload(at, head, piece);
        }
        let mut size = 0;
        for number in 0..head.blob_chunks() {
            let number = head
                .blob_start()
                .checked_add(number)
                .filter(|number| *number != NOT_A_CHUNK);
            let found = self.find(|item| {
                item.is_chunk_of(head.ns(), head.key()) && Some(item.chunk()) == number
            })?;
            let Some((at, chunk)) = found else {
                return Ok(false);
            };
            if !self.read_payload(at, &chunk, |offset, bytes| piece(size + offset, bytes))? {
                return Ok(false);
            }
            size += chunk.payload_size();
        }
        Ok(size == head.blob_size() as usize)
    }

    fn blob_is(&mut self, at: Place, head: &Item, wanted: &[u8]) -> NvsResult<bool, F> {
        if head.blob_size() as usize != wanted.len() {
            return Ok(false);
        }
        let mut same = true;
        let sound = self.read_blob(at, head, |offset, bytes| {
            same &= wanted.get(offset..offset + bytes.len()) == Some(bytes);
        })?;
        Ok(sound && same)
    }
}
