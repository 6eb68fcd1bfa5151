//! Going through the items of a partition. Nothing but the page table is kept in RAM: a search
//! reads the entries, newest page first.

use embedded_storage::nor_flash::NorFlash;

use super::crc::Crc;
use super::entry::{ENTRY_SIZE, Item};
use super::name::Name;
use super::page::{ENTRY_COUNT, EntryState, States};
use super::store::{Nvs, NvsResult, Place};

/// A place in a scan. Items erased behind it, or at it, do not disturb it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor {
    page: Option<u8>,
    /// Whether to go on to older pages.
    all: bool,
    index: usize,
    states: Option<States>,
}

impl Cursor {
    /// Over all items.
    pub(super) fn all() -> Self {
        Self {
            page: None,
            all: true,
            index: ENTRY_COUNT,
            states: None,
        }
    }

    /// Over nothing.
    pub(super) fn none() -> Self {
        Self {
            all: false,
            ..Self::all()
        }
    }

    /// Over the items of one page.
    pub(super) fn of_page(page: u8) -> Self {
        Self {
            page: Some(page),
            all: false,
            index: 0,
            states: None,
        }
    }

    /// The next sound item.
    pub(super) fn next<F: NorFlash>(
        &mut self,
        nvs: &mut Nvs<F>,
    ) -> NvsResult<Option<(Place, Item)>, F> {
        loop {
            if self.index >= ENTRY_COUNT {
                let older = if self.all { nvs.older(self.page) } else { None };
                let Some(page) = older else { return Ok(None) };
                *self = Self {
                    all: true,
                    ..Self::of_page(page)
                };
            }
            let Some(page) = self.page else {
                return Ok(None);
            };
            let states = match self.states {
                Some(states) => states,
                None => *self.states.insert(nvs.read_states(page)?),
            };
            let at = Place {
                page,
                index: self.index,
            };
            self.index += 1;
            if states.get(at.index) == EntryState::Written {
                let item = nvs.read_item(at)?;
                if item.is_consistent(at.index) {
                    self.index = at.index + item.span();
                    return Ok(Some((at, item)));
                }
            }
        }
    }
}

impl<F: NorFlash> Nvs<F> {
    /// The newest item that `wanted` accepts.
    pub(super) fn find(
        &mut self,
        wanted: impl Fn(&Item) -> bool,
    ) -> NvsResult<Option<(Place, Item)>, F> {
        let mut cursor = Cursor::all();
        while let Some((at, item)) = cursor.next(self)? {
            if wanted(&item) {
                return Ok(Some((at, item)));
            }
        }
        Ok(None)
    }

    /// The item a key is found by.
    pub(super) fn find_head(&mut self, ns: u8, key: Name) -> NvsResult<Option<(Place, Item)>, F> {
        self.find(|item| item.is_head_of(ns, key))
    }

    /// Reads an item's payload piece by piece, giving each with its offset. Says whether the
    /// checksum was right.
    pub(super) fn read_payload(
        &mut self,
        at: Place,
        item: &Item,
        mut piece: impl FnMut(usize, &[u8]),
    ) -> NvsResult<bool, F> {
        let size = item.payload_size();
        let mut crc = Crc::default();
        for offset in (0..size).step_by(ENTRY_SIZE) {
            let index = at.index + 1 + offset / ENTRY_SIZE;
            let bytes = self.read_raw_entry(Place { index, ..at })?;
            let bytes = bytes.get(..size - offset).unwrap_or(&bytes);
            crc = crc.update(bytes);
            piece(offset, bytes);
        }
        Ok(crc.finish() == item.payload_crc())
    }

    /// Whether an item's payload is sound, and is `wanted` and then `end`.
    pub(super) fn payload_is(
        &mut self,
        at: Place,
        item: &Item,
        wanted: &[u8],
        end: &[u8],
    ) -> NvsResult<bool, F> {
        if item.payload_size() != wanted.len() + end.len() {
            return Ok(false);
        }
        let mut same = true;
        let sound = self.read_payload(at, item, |offset, bytes| {
            same &= wanted
                .iter()
                .chain(end)
                .skip(offset)
                .take(bytes.len())
                .eq(bytes);
        })?;
        Ok(sound && same)
    }
}
