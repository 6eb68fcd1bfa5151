//! Reading, writing and erasing: what is the same for every type, and the numbers.

use embedded_storage::nor_flash::NorFlash;

use super::entry::{Item, same_version};
use super::name::Name;
use super::scan::Cursor;
use super::store::{Nvs, NvsResult, Place};
use super::{Kind, NvsError};

mod sealed {
    /// Closes [`Number`](super::Number): NVS has these types and no others.
    pub trait Sealed {}
}

/// An integer NVS has a type for.
pub trait Number: Copy + sealed::Sealed {
    /// Its type on flash.
    const KIND: Kind;
    /// The eight bytes of its entry: little-endian, the rest FF.
    fn to_data(self) -> [u8; 8];
    /// The number in the eight bytes of an entry.
    fn from_data(data: [u8; 8]) -> Self;
}

macro_rules! number {
    ($($type:ty: $kind:ident),*) => {$(
        impl sealed::Sealed for $type {}
        impl Number for $type {
            const KIND: Kind = Kind::$kind;
            fn to_data(self) -> [u8; 8] {
                let mut data = [0xFF; 8];
                data[..size_of::<Self>()].copy_from_slice(&self.to_le_bytes());
                data
            }
            fn from_data(data: [u8; 8]) -> Self {
                let mut bytes = [0; size_of::<Self>()];
                bytes.copy_from_slice(&data[..size_of::<Self>()]);
                Self::from_le_bytes(bytes)
            }
        }
    )*};
}
number!(u8: U8, u16: U16, u32: U32, u64: U64, i8: I8, i16: I16, i32: I32, i64: I64);

impl<F: NorFlash> Nvs<F> {
    /// The number stored under a key; `None` when there is none.
    pub fn get<T: Number>(&mut self, namespace: &str, key: &str) -> NvsResult<Option<T>, F> {
        let found = self.lookup(namespace, key)?;
        found
            .map(|(_, item)| wanted(&item, T::KIND).map(|()| T::from_data(item.data())))
            .transpose()
    }

    /// The eight bytes of a number of any type, floats among them; `None` when there is none.
    /// What a narrow number does not use is FF.
    pub fn get_raw(&mut self, namespace: &str, key: &str) -> NvsResult<Option<(Kind, [u8; 8])>, F> {
        let Some((_, item)) = self.lookup(namespace, key)? else {
            return Ok(None);
        };
        match item.kind() {
            Some(kind) if kind.width().is_some() => Ok(Some((kind, item.data()))),
            other => Err(NvsError::WrongType {
                found: other.unwrap_or(Kind::Blob),
            }),
        }
    }

    /// Stores a number, in place of whatever the key held. The same number again writes nothing.
    pub fn set<T: Number>(&mut self, namespace: &str, key: &str, value: T) -> NvsResult<(), F> {
        let (ns, key) = self.target(namespace, key)?;
        if let Some((_, item)) = self.find_head(ns, key)?
            && item.kind() == Some(T::KIND)
            && T::from_data(item.data()).to_data() == value.to_data()
        {
            return Ok(());
        }
        self.make_room(1)?;
        let at = self.append(&Item::number(ns, T::KIND, key, value.to_data()), &[], &[])?;
        self.erase_others(ns, key, Some((at, None)))
    }

    /// Erases a key. Says whether it held anything.
    pub fn erase_key(&mut self, namespace: &str, key: &str) -> NvsResult<bool, F> {
        let key = Name::new(key).ok_or(NvsError::Name)?;
        let Some(ns) = self.open(namespace)? else {
            return Ok(false);
        };
        let held = self.find_head(ns, key)?.is_some();
        if held {
            self.erase_others(ns, key, None)?;
        }
        Ok(held)
    }

    /// Erases all keys of a namespace. A power cut can leave some of them.
    pub fn erase_namespace(&mut self, namespace: &str) -> NvsResult<(), F> {
        let Some(ns) = self.open(namespace)? else {
            return Ok(());
        };
        // The entries blobs are found by first: never a blob without its chunks.
        for chunks in [false, true] {
            let mut cursor = Cursor::all();
            while let Some((at, item)) = cursor.next(self)? {
                if item.ns() == ns && (item.kind() == Some(Kind::Chunk)) == chunks {
                    self.erase_item(at, &item)?;
                }
            }
        }
        Ok(())
    }

    /// The number of a namespace that exists, on a sound partition.
    pub(super) fn open(&mut self, namespace: &str) -> NvsResult<Option<u8>, F> {
        let namespace = Name::new(namespace).ok_or(NvsError::Name)?;
        self.ready()?;
        self.namespace(namespace)
    }

    /// The entry a key is found by.
    pub(super) fn lookup(
        &mut self,
        namespace: &str,
        key: &str,
    ) -> NvsResult<Option<(Place, Item)>, F> {
        let key = Name::new(key).ok_or(NvsError::Name)?;
        match self.open(namespace)? {
            Some(ns) => self.find_head(ns, key),
            None => Ok(None),
        }
    }

    /// The namespace and key to write to.
    pub(super) fn target(&mut self, namespace: &str, key: &str) -> NvsResult<(u8, Name), F> {
        let namespace = Name::new(namespace).ok_or(NvsError::Name)?;
        let key = Name::new(key).ok_or(NvsError::Name)?;
        self.ready()?;
        Ok((self.namespace_or_new(namespace)?, key))
    }

    /// Erases all a key holds but `keep`: an entry, and of a blob the number its chunks start at.
    pub(super) fn erase_others(
        &mut self,
        ns: u8,
        key: Name,
        keep: Option<(Place, Option<u8>)>,
    ) -> NvsResult<(), F> {
        let mut had_chunks = false;
        let mut cursor = Cursor::all();
        while let Some((at, item)) = cursor.next(self)? {
            if item.is_head_of(ns, key) && keep.is_none_or(|(kept, _)| kept != at) {
                had_chunks |= item.kind() == Some(Kind::Blob);
                self.erase_item(at, &item)?;
            }
        }
        if had_chunks {
            let start = keep.and_then(|(_, start)| start);
            self.erase_chunks(ns, key, |chunk| {
                start.is_none_or(|start| !same_version(start, chunk))
            })?;
        }
        Ok(())
    }

    /// Erases the chunks of a blob that have one of the given numbers.
    pub(super) fn erase_chunks(
        &mut self,
        ns: u8,
        key: Name,
        which: impl Fn(u8) -> bool,
    ) -> NvsResult<(), F> {
        let mut cursor = Cursor::all();
        while let Some((at, item)) = cursor.next(self)? {
            if item.is_chunk_of(ns, key) && which(item.chunk()) {
                self.erase_item(at, &item)?;
            }
        }
        Ok(())
    }
}

/// Refuses an item of another type.
pub(super) fn wanted<E>(item: &Item, kind: Kind) -> Result<(), NvsError<E>> {
    match item.kind() {
        Some(found) if found != kind => Err(NvsError::WrongType { found }),
        _ => Ok(()),
    }
}
