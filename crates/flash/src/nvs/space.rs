//! Room for new entries: taking pages into use, and collecting what was erased.
//!
//! One page is always free. When only that one is left, the page with the most unused entries is
//! marked as being freed, what is left on it is copied to the free page, and it is erased.
//! Source: ESP-IDF `nvs_pagemanager.cpp`.

use embedded_storage::nor_flash::NorFlash;

use super::NvsError;
use super::entry::{ENTRY_SIZE, Item};
use super::page::{ENTRY_COUNT, Page, PageState};
use super::scan::Cursor;
use super::store::{Nvs, NvsResult, Place};

impl<F: NorFlash> Nvs<F> {
    /// Entries the page in use still takes.
    pub(super) fn room(&self) -> usize {
        self.newest().map_or(0, |page| self.page(page).room())
    }

    /// Bytes of payload one more item on the page in use could have.
    pub(super) fn payload_room(&self) -> usize {
        self.room().saturating_sub(1) * ENTRY_SIZE
    }

    /// Makes sure the page in use takes `entries` more, at most a page full.
    pub(super) fn make_room(&mut self, entries: usize) -> NvsResult<(), F> {
        if self.room() >= entries {
            return Ok(());
        }
        // Told apart before anything is erased: collecting that cannot help would only wear the flash.
        if self.free_pages() < 2 && self.victim().is_none_or(|page| self.unused(page) < entries) {
            return Err(NvsError::NotEnoughSpace);
        }
        self.next_page()
    }

    /// Closes the page in use and takes another, collecting if only one is free.
    pub(super) fn next_page(&mut self) -> NvsResult<(), F> {
        if let Some(page) = self
            .newest()
            .filter(|page| self.page(*page).state == PageState::Active)
        {
            self.set_page_state(page, PageState::Full)?;
        }
        match self.free_pages() {
            0 => Err(NvsError::NotEnoughSpace),
            1 => {
                let victim = self.victim().ok_or(NvsError::NotEnoughSpace)?;
                self.next_sequence()?;
                if self.page(victim).state == PageState::Active {
                    self.set_page_state(victim, PageState::Full)?;
                }
                self.set_page_state(victim, PageState::Freeing)?;
                self.free_page(victim)
            }
            _ => self.activate().map(drop),
        }
    }

    /// Copies what is on a page being freed to a new one, and erases it.
    pub(super) fn free_page(&mut self, victim: u8) -> NvsResult<(), F> {
        let copy = self.activate()?;
        let mut cursor = Cursor::of_page(victim);
        while let Some((at, item)) = cursor.next(self)? {
            for index in at.index..at.index + item.span() {
                let bytes = self.read_raw_entry(Place { index, ..at })?;
                self.append_entries(copy, &bytes)?;
            }
        }
        self.erase_page(victim)
    }

    /// Takes the next free page into use, going round the partition so that all wear alike.
    fn activate(&mut self) -> NvsResult<u8, F> {
        let sequence = self.next_sequence()?;
        let all = self.page_numbers();
        let after = self.newest().map_or(0, |page| page + 1);
        let page = (after..all.end)
            .chain(all.start..after)
            .find(|page| !self.page(*page).state.is_live())
            .ok_or(NvsError::NotEnoughSpace)?;
        if self.page(page).state == PageState::Corrupt {
            self.erase_page(page)?;
        }
        self.program(page, 0, &Page::new_header(sequence))?;
        *self.page_mut(page) = Page {
            sequence,
            state: PageState::Active,
            ..Page::BLANK
        };
        Ok(page)
    }

    fn next_sequence(&self) -> NvsResult<u32, F> {
        let Some(page) = self.newest() else {
            return Ok(0);
        };
        self.page(page)
            .sequence
            .checked_add(1)
            .ok_or(NvsError::SequenceExhausted)
    }

    /// The page with the most unused entries, the oldest of several; `None` when all are used.
    fn victim(&self) -> Option<u8> {
        let mut best = None;
        let mut page = self.newest();
        while let Some(number) = page {
            if self.unused(number) > 0
                && best.is_none_or(|best| self.unused(number) >= self.unused(best))
            {
                best = Some(number);
            }
            page = self.older(page);
        }
        best
    }

    fn unused(&self, page: u8) -> usize {
        ENTRY_COUNT.saturating_sub(usize::from(self.page(page).used))
    }

    /// Writes an item whose payload is `payload` and then `end` (shorter than an entry) to the
    /// page in use, which has room: entry, payload in whole entries, last entry, each marked
    /// written before the next.
    pub(super) fn append(
        &mut self,
        item: &Item,
        payload: &[u8],
        end: &[u8],
    ) -> NvsResult<Place, F> {
        let page = self.newest().ok_or(NvsError::NotEnoughSpace)?;
        let at = Place {
            page,
            index: usize::from(self.page(page).next),
        };
        if self.page(page).room() < item.span() {
            return Err(NvsError::NotEnoughSpace);
        }
        self.append_entries(page, item.bytes())?;
        let (whole, rest) = payload.split_at(payload.len() / ENTRY_SIZE * ENTRY_SIZE);
        if !whole.is_empty() {
            self.append_entries(page, whole)?;
        }
        if !rest.is_empty() || !end.is_empty() {
            let mut last = [0xFF; ENTRY_SIZE];
            for (to, from) in last.iter_mut().zip(rest.iter().chain(end)) {
                *to = *from;
            }
            self.append_entries(page, &last)?;
        }
        Ok(at)
    }
}
