//! What a mount does about blobs: a blob whose chunks are not all there goes, and so do chunks of
//! no blob. Source: ESP-IDF `nvs_storage.cpp` (`eraseMismatchedBlobIndexes`, `eraseOrphanDataBlobs`).
//!
//! ESP-IDF keeps a list of all blobs. Here a few at a time are looked for in one scan of the
//! partition, so that RAM stays bounded and a mount does not scan once per blob.

use embedded_storage::nor_flash::NorFlash;

use super::Kind;
use super::entry::{Item, same_version};
use super::scan::Cursor;
use super::store::{Nvs, NvsResult, Place};

/// Blobs or chunks looked for at a time: about 60 bytes of stack each, and one scan for as many
/// blobs as a device's own few.
const BATCH: usize = 8;

/// A blob or chunk, and what was found of its counterpart.
#[derive(Clone, Copy)]
struct Sought {
    at: Place,
    item: Item,
    chunks: u32,
    bytes: u64,
}

impl<F: NorFlash> Nvs<F> {
    /// Erases the index of each blob whose chunks do not add up.
    pub(super) fn erase_broken_blobs(&mut self) -> NvsResult<(), F> {
        let mut from = Cursor::all();
        loop {
            let mut batch = self.batch(&mut from, Kind::Blob)?;
            if batch[0].is_none() {
                return Ok(());
            }
            let mut cursor = Cursor::all();
            while let Some((_, chunk)) = cursor.next(self)? {
                for blob in batch.iter_mut().flatten() {
                    let index = &blob.item;
                    if chunk.is_chunk_of(index.ns(), index.key())
                        && same_version(index.blob_start(), chunk.chunk())
                    {
                        blob.chunks += 1;
                        blob.bytes += chunk.payload_size() as u64;
                    }
                }
            }
            for blob in batch.iter().flatten() {
                let whole = blob.chunks == u32::from(blob.item.blob_chunks())
                    && blob.bytes == u64::from(blob.item.blob_size());
                if !whole {
                    self.erase_item(blob.at, &blob.item)?;
                }
            }
        }
    }

    /// Erases each chunk that no blob's index counts.
    pub(super) fn erase_orphan_chunks(&mut self) -> NvsResult<(), F> {
        let mut from = Cursor::all();
        loop {
            let mut batch = self.batch(&mut from, Kind::Chunk)?;
            if batch[0].is_none() {
                return Ok(());
            }
            let mut cursor = Cursor::all();
            while let Some((_, index)) = cursor.next(self)? {
                if index.kind() != Some(Kind::Blob) {
                    continue;
                }
                for chunk in batch.iter_mut().flatten() {
                    let (start, number) = (
                        usize::from(index.blob_start()),
                        usize::from(chunk.item.chunk()),
                    );
                    if chunk.item.is_chunk_of(index.ns(), index.key())
                        && (start..start + usize::from(index.blob_chunks())).contains(&number)
                    {
                        chunk.chunks += 1;
                    }
                }
            }
            for orphan in batch.iter().flatten().filter(|chunk| chunk.chunks == 0) {
                self.erase_item(orphan.at, &orphan.item)?;
            }
        }
    }

    fn batch(&mut self, from: &mut Cursor, kind: Kind) -> NvsResult<[Option<Sought>; BATCH], F> {
        let mut batch = [None; BATCH];
        for place in &mut batch {
            let next = loop {
                match from.next(self)? {
                    Some((at, item)) if item.kind() == Some(kind) => break Some((at, item)),
                    Some(_) => {}
                    None => break None,
                }
            };
            let Some((at, item)) = next else { break };
            *place = Some(Sought {
                at,
                item,
                chunks: 0,
                bytes: 0,
            });
        }
        Ok(batch)
    }
}
