//! What is stored.

use embedded_storage::nor_flash::NorFlash;

use super::Kind;
use super::entry::Item;
use super::name::Name;
use super::namespaces::NAMESPACES;
use super::scan::Cursor;
use super::store::{Nvs, NvsResult};

/// A key, and what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its namespace.
    pub namespace: Name,
    /// Its name there.
    pub key: Name,
    /// The type of its value.
    pub kind: Kind,
    /// Bytes of the value, which is what a buffer for it needs.
    pub size: usize,
}

impl<F: NorFlash> Nvs<F> {
    /// What a key holds, without the value; `None` when nothing.
    pub fn entry(&mut self, namespace: &str, key: &str) -> NvsResult<Option<Entry>, F> {
        let found = self.lookup(namespace, key)?;
        let namespace = Name::new(namespace);
        Ok(found
            .zip(namespace)
            .and_then(|((_, item), namespace)| describe(namespace, &item)))
    }

    /// All keys, in no particular order.
    pub fn entries(&mut self) -> Entries<'_, F> {
        Entries {
            nvs: self,
            cursor: Cursor::all(),
        }
    }
}

/// An iterator over all keys, made by [`Nvs::entries`]. Ends after an error.
#[derive(Debug)]
pub struct Entries<'n, F> {
    nvs: &'n mut Nvs<F>,
    cursor: Cursor,
}

impl<F: NorFlash> Entries<'_, F> {
    fn step(&mut self) -> NvsResult<Option<Entry>, F> {
        self.nvs.ready()?;
        while let Some((_, item)) = self.cursor.next(self.nvs)? {
            if item.ns() == NAMESPACES {
                continue;
            }
            // Entries whose namespace lost its name cannot be reached, so they are not listed.
            if let Some(namespace) = self.nvs.namespace_name(item.ns())?
                && let Some(entry) = describe(namespace, &item)
            {
                return Ok(Some(entry));
            }
        }
        Ok(None)
    }
}

impl<F: NorFlash> Iterator for Entries<'_, F> {
    type Item = NvsResult<Entry, F>;

    fn next(&mut self) -> Option<Self::Item> {
        let step = self.step().transpose();
        if !matches!(step, Some(Ok(_))) {
            self.cursor = Cursor::none();
        }
        step
    }
}

/// An item as a key; `None` for a chunk.
fn describe(namespace: Name, item: &Item) -> Option<Entry> {
    let kind = item.kind()?;
    let size = match kind {
        Kind::Chunk => return None,
        Kind::Text => item.payload_size().saturating_sub(1),
        Kind::OldBlob => item.payload_size(),
        Kind::Blob => item.blob_size() as usize,
        number => number.width()?,
    };
    Some(Entry {
        namespace,
        key: item.key(),
        kind,
        size,
    })
}
