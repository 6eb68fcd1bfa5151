//! What a mount does: load the pages, and repair what a power cut left.
//!
//! Source: ESP-IDF `nvs_page.cpp` (`load`, `mLoadEntryTable`), `nvs_pagemanager.cpp` (`load`).
//! The order of all writes is such that a cut at any of them, here too, is repaired by the next mount.

use embedded_storage::nor_flash::NorFlash;

use super::NvsError;
use super::page::{ENTRY_COUNT, EntryState, HEADER_SIZE, Page, PageState};
use super::scan::Cursor;
use super::store::{Nvs, NvsResult, Place};
use crate::SECTOR_SIZE;

/// Bytes read at a time to see whether a page is blank.
const BLANK_CHECK: usize = 128;

impl<F: NorFlash> Nvs<F> {
    /// Loads and repairs the whole partition.
    pub(super) fn recover(&mut self) -> NvsResult<(), F> {
        for page in self.page_numbers() {
            *self.page_mut(page) = self.load_header(page)?;
        }
        for page in self.page_numbers() {
            if self.page(page).state.is_live() {
                self.repair_page(page)?;
            }
        }
        self.finish_freeing()?;
        self.erase_replaced()?;
        self.keep_one_free()?;
        self.erase_broken_blobs()?;
        self.erase_orphan_chunks()
    }

    /// Erases a page with nothing left on it, if no other is free.
    ///
    /// ESP-IDF gives up here. Such a page comes of the erase of a freed page, when the cut left
    /// all of it but the one bit that said so.
    fn keep_one_free(&mut self) -> NvsResult<(), F> {
        if self.free_pages() > 0 {
            return Ok(());
        }
        let newest = self.newest();
        let empty = self
            .page_numbers()
            .find(|page| self.page(*page).used == 0 && Some(*page) != newest)
            .ok_or(NvsError::NoFreePages)?;
        self.erase_page(empty)
    }

    fn load_header(&mut self, page: u8) -> NvsResult<Page, F> {
        let mut header = [0; HEADER_SIZE];
        self.read(page, 0, &mut header)?;
        let mut loaded =
            Page::from_header(&header).map_err(|version| NvsError::NewVersion { page, version })?;
        if loaded.state == PageState::Blank && !self.is_blank(page)? {
            loaded.state = PageState::Corrupt;
        }
        Ok(loaded)
    }

    fn is_blank(&mut self, page: u8) -> NvsResult<bool, F> {
        let mut bytes = [0; BLANK_CHECK];
        for offset in (0..SECTOR_SIZE).step_by(BLANK_CHECK) {
            self.read(page, offset, &mut bytes)?;
            if bytes != [0xFF; BLANK_CHECK] {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Erases entries that were not written whole, and items written again on the same page.
    fn repair_page(&mut self, page: u8) -> NvsResult<(), F> {
        let active = self.page(page).state == PageState::Active;
        let mut next = if active {
            self.repair_tail(page)?
        } else {
            ENTRY_COUNT
        };
        let mut seen = Hashes::new();
        let mut states = self.read_states(page)?;
        let mut index = 0;
        while index < next {
            let at = Place { page, index };
            match states.get(index) {
                EntryState::Erased | EntryState::Empty => index += 1,
                EntryState::Illegal => {
                    self.mark_erased(page, index..index + 1)?;
                    index += 1;
                }
                EntryState::Written => {
                    let item = self.read_item(at)?;
                    if !item.is_consistent(index) {
                        // Only this one: its span cannot be believed.
                        self.mark_erased(page, index..index + 1)?;
                        index += 1;
                        continue;
                    }
                    index += item.span();
                    if !states.all_written(at.index..index) {
                        self.mark_erased(page, at.index..index)?;
                        next = next.max(index);
                    } else if active {
                        if let Some(earlier) = seen.find(item.identity_hash()) {
                            let earlier = Place {
                                page,
                                index: earlier,
                            };
                            let older = self.read_item(earlier)?;
                            if older.replaces(&item) {
                                self.erase_item(earlier, &older)?;
                            }
                        }
                        seen.add(item.identity_hash(), at.index);
                    }
                }
            }
        }
        states = self.read_states(page)?;
        let page = self.page_mut(page);
        page.next = next as u8;
        page.used = states.count_written();
        Ok(())
    }

    /// Finds where an active page goes on, marking as erased what was programmed there without
    /// being marked written.
    ///
    /// ESP-IDF stops at the first entry whose first word is blank. Here all that follows has to be
    /// blank: what is written there later must read back.
    fn repair_tail(&mut self, page: u8) -> NvsResult<usize, F> {
        let states = self.read_states(page)?;
        let first = states.first_empty();
        let mut next = first;
        for index in first..ENTRY_COUNT {
            let blank = self.read_raw_entry(Place { page, index })? == [0xFF; 32];
            if !blank || states.get(index) != EntryState::Empty {
                next = index + 1;
            }
        }
        if next > first {
            self.mark_erased(page, first..next)?;
        }
        Ok(next)
    }

    /// Finishes a collection that was cut.
    ///
    /// ESP-IDF erases the unfinished copy and copies again. So do we, unless the copy has
    /// something the page being freed lacks: then it was the erase of that page that was cut, the
    /// copy is complete, and it is all there is.
    fn finish_freeing(&mut self) -> NvsResult<(), F> {
        let mut copy = self
            .newest()
            .filter(|page| self.page(*page).state == PageState::Active);
        while let Some(victim) = self
            .page_numbers()
            .find(|page| self.page(*page).state == PageState::Freeing)
        {
            if let Some(copy) = copy.take() {
                if self.has_more(copy, victim)? {
                    self.erase_page(victim)?;
                    continue;
                }
                self.erase_page(copy)?;
            }
            self.free_page(victim).map_err(|error| match error {
                NvsError::NotEnoughSpace => NvsError::NoFreePages,
                other => other,
            })?;
        }
        Ok(())
    }

    /// Whether a sound item on `copy` is not on `victim`. Both have their items in the same order.
    ///
    /// A finished copy has no gap. One with a gap is unfinished, or what is left of it after its
    /// own erase was cut: then nothing on it proves anything.
    fn has_more(&mut self, copy: u8, victim: u8) -> NvsResult<bool, F> {
        if self.page(copy).used != self.page(copy).next {
            return Ok(false);
        }
        let mut copied = Cursor::of_page(copy);
        let mut originals = Cursor::of_page(victim);
        while let Some((at, item)) = copied.next(self)? {
            let has_payload = item.kind().is_some_and(super::Kind::has_payload);
            if has_payload && !self.read_payload(at, &item, |_, _| ())? {
                continue;
            }
            loop {
                let Some((original, _)) = originals.next(self)? else {
                    return Ok(true);
                };
                if self.same_entries(at, original, item.span())? {
                    break;
                }
            }
        }
        Ok(false)
    }

    fn same_entries(&mut self, left: Place, right: Place, span: usize) -> NvsResult<bool, F> {
        for step in 0..span {
            let a = self.read_raw_entry(Place {
                index: left.index + step,
                ..left
            })?;
            if right.index + step >= ENTRY_COUNT
                || a != self.read_raw_entry(Place {
                    index: right.index + step,
                    ..right
                })?
            {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Erases on older pages what the newest page has again: a cut came between writing a value
    /// and erasing the one before.
    fn erase_replaced(&mut self) -> NvsResult<(), F> {
        let Some(newest) = self.newest() else {
            return Ok(());
        };
        let mut hashes = Hashes::new();
        let mut cursor = Cursor::of_page(newest);
        while let Some((at, item)) = cursor.next(self)? {
            hashes.add(item.identity_hash(), at.index);
        }
        let mut cursor = Cursor::all();
        while let Some((at, item)) = cursor.next(self)? {
            if at.page == newest {
                continue;
            }
            if let Some(index) = hashes.find(item.identity_hash())
                && self
                    .read_item(Place {
                        page: newest,
                        index,
                    })?
                    .replaces(&item)
            {
                self.erase_item(at, &item)?;
            }
        }
        Ok(())
    }
}

/// The items of one page by [identity](super::entry::Item::identity_hash). 504 bytes, on the stack
/// during a mount. Different items with the same hash (one in four billion) hide each other, which
/// keeps a value that could be erased and never the other way round.
struct Hashes([u32; ENTRY_COUNT]);

impl Hashes {
    fn new() -> Self {
        Self([0; ENTRY_COUNT])
    }

    /// The hash as stored: never that of a free place.
    fn stored(hash: u32) -> u32 {
        hash | 1
    }

    fn add(&mut self, hash: u32, index: usize) {
        if let Some(place) = self.0.get_mut(index) {
            *place = Self::stored(hash);
        }
    }

    /// The last item added with this hash.
    fn find(&self, hash: u32) -> Option<usize> {
        self.0
            .iter()
            .rposition(|place| *place == Self::stored(hash))
    }
}
