//! The partition: its pages in RAM, and the flash operations everything else is made of.

use core::ops::Range;

use embedded_storage::nor_flash::NorFlash;

use super::entry::{ENTRY_SIZE, Item};
use super::page::{
    ENTRIES_OFFSET, ENTRY_COUNT, EntryState, Page, PageState, STATES_OFFSET, States,
};
use super::{NvsError, PAGES_MAX, PAGES_MIN};
use crate::SECTOR_SIZE;

/// An NVS partition, mounted. `F`'s offsets from 0 on are the partition.
///
/// Takes 132 bytes of RAM beside `F`.
#[derive(Debug)]
pub struct Nvs<F> {
    pub(super) flash: F,
    pages: [Page; PAGES_MAX],
    count: u8,
    /// Whether RAM and flash agree. Not after a flash error: then the next call recovers first.
    pub(super) sound: bool,
}

/// Where an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) page: u8,
    pub(super) index: usize,
}

/// What an operation inside NVS gives.
pub(super) type NvsResult<T, F> =
    Result<T, NvsError<<F as embedded_storage::nor_flash::ErrorType>::Error>>;

impl<F: NorFlash> Nvs<F> {
    /// Mounts the partition of `size` bytes: reads it, and repairs what a power cut left behind,
    /// as ESP-IDF's `nvs_flash_init` does. A blank partition is an empty one; nothing is written
    /// to it until a value is.
    ///
    /// `size` is a multiple of 4 KiB, from [`PAGES_MIN`] to [`PAGES_MAX`] pages.
    pub fn mount(flash: F, size: u32) -> NvsResult<Self, F> {
        const { check_geometry(F::READ_SIZE, F::WRITE_SIZE, F::ERASE_SIZE) };
        let pages = size / SECTOR_SIZE;
        let fits = (PAGES_MIN as u32..=PAGES_MAX as u32).contains(&pages);
        if !fits || !size.is_multiple_of(SECTOR_SIZE) || size as usize > flash.capacity() {
            return Err(NvsError::Size(size));
        }
        let mut nvs = Self {
            flash,
            pages: [Page::BLANK; PAGES_MAX],
            count: pages as u8,
            sound: false,
        };
        nvs.ready()?;
        Ok(nvs)
    }

    /// Erases the partition, with everything in it, and mounts it.
    pub fn format(mut flash: F, size: u32) -> NvsResult<Self, F> {
        flash.erase(0, size).map_err(NvsError::Flash)?;
        Self::mount(flash, size)
    }

    /// Gives the flash back.
    pub fn release(self) -> F {
        self.flash
    }

    /// Makes RAM and flash agree, if a flash error has left that open.
    pub(super) fn ready(&mut self) -> NvsResult<(), F> {
        if !self.sound {
            self.recover()?;
            self.sound = true;
        }
        Ok(())
    }

    pub(super) fn page_numbers(&self) -> Range<u8> {
        0..self.count
    }

    pub(super) fn page(&self, number: u8) -> &Page {
        &self.pages[usize::from(number)]
    }

    pub(super) fn page_mut(&mut self, number: u8) -> &mut Page {
        &mut self.pages[usize::from(number)]
    }

    /// The live page with the highest sequence below that of `than`, or of all.
    pub(super) fn older(&self, than: Option<u8>) -> Option<u8> {
        let age = |number: u8| (self.page(number).sequence, number);
        self.page_numbers()
            .filter(|number| self.page(*number).state.is_live())
            .filter(|number| than.is_none_or(|than| age(*number) < age(than)))
            .max_by_key(|number| age(*number))
    }

    /// The page that takes new entries, unless it is full.
    pub(super) fn newest(&self) -> Option<u8> {
        self.older(None)
    }

    pub(super) fn free_pages(&self) -> usize {
        self.page_numbers()
            .filter(|number| !self.page(*number).state.is_live())
            .count()
    }

    pub(super) fn read(&mut self, page: u8, offset: u32, bytes: &mut [u8]) -> NvsResult<(), F> {
        let result = self
            .flash
            .read(u32::from(page) * SECTOR_SIZE + offset, bytes);
        self.checked(result)
    }

    pub(super) fn program(&mut self, page: u8, offset: u32, bytes: &[u8]) -> NvsResult<(), F> {
        let result = self
            .flash
            .write(u32::from(page) * SECTOR_SIZE + offset, bytes);
        self.checked(result)
    }

    pub(super) fn erase_page(&mut self, page: u8) -> NvsResult<(), F> {
        let from = u32::from(page) * SECTOR_SIZE;
        let result = self.flash.erase(from, from + SECTOR_SIZE);
        self.checked(result)?;
        *self.page_mut(page) = Page::BLANK;
        Ok(())
    }

    fn checked<T>(&mut self, result: Result<T, F::Error>) -> NvsResult<T, F> {
        result.map_err(|error| {
            self.sound = false;
            NvsError::Flash(error)
        })
    }

    pub(super) fn read_raw_entry(&mut self, at: Place) -> NvsResult<[u8; ENTRY_SIZE], F> {
        let mut bytes = [0; ENTRY_SIZE];
        self.read(at.page, entry_offset(at.index), &mut bytes)?;
        Ok(bytes)
    }

    pub(super) fn read_item(&mut self, at: Place) -> NvsResult<Item, F> {
        self.read_raw_entry(at).map(Item::from_bytes)
    }

    pub(super) fn read_states(&mut self, page: u8) -> NvsResult<States, F> {
        let mut states = [0; 32];
        self.read(page, STATES_OFFSET, &mut states)?;
        Ok(States(states))
    }

    pub(super) fn set_page_state(&mut self, page: u8, state: PageState) -> NvsResult<(), F> {
        self.program(page, 0, &state.word().to_le_bytes())?;
        self.page_mut(page).state = state;
        Ok(())
    }

    /// Marks entries, the last word of states first, as ESP-IDF does.
    ///
    /// An empty entry becomes erased by way of the illegal state: clearing both its bits at once,
    /// and torn, could make it a written one.
    fn mark(&mut self, page: u8, entries: Range<usize>, state: EntryState) -> NvsResult<(), F> {
        for word in (entries.start / 16..entries.end.div_ceil(16)).rev() {
            let offset = STATES_OFFSET + word as u32 * 4;
            let mut bytes = [0; 4];
            self.read(page, offset, &mut bytes)?;
            let mut now = u32::from_le_bytes(bytes);
            let (mut low, mut high_of_empty, mut high) = (0, 0, 0);
            for shift in (0..16)
                .filter(|entry| entries.contains(&(word * 16 + entry)))
                .map(|entry| entry * 2)
            {
                low |= 0b01 << shift;
                high |= 0b10 << shift;
                if (now >> shift) & 0b11 == 0b11 {
                    high_of_empty |= 0b10 << shift;
                }
            }
            let steps = match state {
                EntryState::Written => [low, 0],
                _ => [high_of_empty, low | high],
            };
            for clear in steps {
                if now & clear != 0 {
                    now &= !clear;
                    self.program(page, offset, &now.to_le_bytes())?;
                }
            }
        }
        Ok(())
    }

    /// Marks entries erased, the first of them last and by itself: as long as it is not, a mount
    /// erases the others too, and never takes what was a payload for entries.
    pub(super) fn mark_erased(&mut self, page: u8, entries: Range<usize>) -> NvsResult<(), F> {
        let rest = entries.start + 1..entries.end.min(ENTRY_COUNT);
        if !rest.is_empty() {
            self.mark(page, rest, EntryState::Erased)?;
        }
        self.mark(page, entries.start..entries.start + 1, EntryState::Erased)
    }

    /// Erases the item at a place found by a scan.
    pub(super) fn erase_item(&mut self, at: Place, item: &Item) -> NvsResult<(), F> {
        self.mark_erased(at.page, at.index..at.index + item.span())?;
        let page = self.page_mut(at.page);
        page.used = page.used.saturating_sub(item.span() as u8);
        Ok(())
    }

    /// Writes entries to the next free ones of `page`, which has room, and marks them written.
    pub(super) fn append_entries(&mut self, page: u8, bytes: &[u8]) -> NvsResult<(), F> {
        let first = usize::from(self.page(page).next);
        let entries = bytes.len() / ENTRY_SIZE;
        self.program(page, entry_offset(first), bytes)?;
        self.mark(page, first..first + entries, EntryState::Written)?;
        let page = self.page_mut(page);
        page.next += entries as u8;
        page.used += entries as u8;
        Ok(())
    }
}

/// Refuses, when compiling, a flash NVS cannot work on.
const fn check_geometry(read: usize, write: usize, erase: usize) {
    assert!(4_usize.is_multiple_of(read), "NVS reads single words");
    assert!(
        4_usize.is_multiple_of(write),
        "NVS programs single words: an entry's state is changed by programming its word again"
    );
    assert!(
        (SECTOR_SIZE as usize).is_multiple_of(erase),
        "NVS erases single sectors"
    );
}

/// Where an entry is in its page.
pub(super) fn entry_offset(index: usize) -> u32 {
    ENTRIES_OFFSET + (index * ENTRY_SIZE) as u32
}
