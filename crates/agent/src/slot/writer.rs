//! The writer that fills a slot.

use alloc::vec::Vec;
use core::cell::RefCell;
use core::fmt;

use embedded_storage::nor_flash::{NorFlash, ReadNorFlash};
use updraft_flash::SECTOR_SIZE;
use updraft_protocol::ReasonCode;

use super::content::{Content, Pass, Size, Target};
use super::medium::{PAGE, compare, erase, program};
use crate::board::Clock;
use crate::failure::Failure;
use crate::flash::{DeviceFlash, Window};

/// Bytes written at a time: one flash sector.
pub const PIECE: usize = SECTOR_SIZE as usize;

/// The flash erases this many bytes about four times as fast as the sectors in it one by one (a typical
/// W25Q: 150 ms for 64 KiB, 45 ms for 4 KiB), so whole blocks are erased as blocks.
const BLOCK: u32 = 64 * 1024;

/// How many bytes apart the progress of an update is noted in NVS. One block: a resumed update then
/// begins with a block erase.
const CHECKPOINT: u32 = BLOCK;

/// Tries of a sector that will not erase or keep what is written, after the first one (seed 001's
/// `OTA_MAX_RETRIES`).
const MAX_RETRIES: u32 = 3;

/// A writer to one slot that is not in use. It holds that slot's bounds and nothing else of the flash.
///
/// Bytes are gathered into pieces of [`PIECE`]. The first piece decides whether the file is acceptable at
/// all, before anything is erased. Erasing goes just ahead of the data and skips what is blank. Each piece is
/// compared with the flash as soon as it is written. Other tasks run after every flash operation: at the most one
/// block is erased (2 s by the datasheets' worst case) or one piece written between two of their turns.
pub(crate) struct SlotWriter<C> {
    target: Target,
    window: Window,
    size: Size,
    content: C,
    /// [`PIECE`] bytes, the only heap a session takes while it writes.
    piece: Vec<u8>,
    filled: usize,
    /// Bytes in flash; a multiple of [`PIECE`] until the last piece.
    written: u32,
    /// Everything below is erased or written.
    erased: u32,
    /// Whether the slot would not take what was written, whatever was tried.
    broken: bool,
    /// Whether the first piece was acceptable.
    accepted: bool,
}

impl<C> fmt::Debug for SlotWriter<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SlotWriter")
            .field("target", &self.target)
            .field("written", &self.written)
            .finish_non_exhaustive()
    }
}

/// What a push into the slot led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pushed {
    /// More is wanted.
    More,
    /// A checkpoint was passed: this many bytes are safely in flash.
    Checkpoint(u32),
}

impl<C: Content> SlotWriter<C> {
    /// A writer of `content` to a slot. An error if it cannot fit.
    pub(crate) fn new(
        target: Target,
        window: Window,
        size: Size,
        limit: u32,
        content: C,
    ) -> Result<Self, Failure> {
        if let Size::Exact(size) = size
            && size > limit
        {
            return Err(Failure::new(
                ReasonCode::TooBig,
                format_args!("the image has {size} bytes, {target} takes {limit}"),
            ));
        }
        Ok(Self {
            target,
            window,
            size,
            content,
            piece: blank_piece()?,
            filled: 0,
            written: 0,
            erased: 0,
            broken: false,
            accepted: false,
        })
    }

    /// The slot that is written.
    pub(crate) const fn target(&self) -> Target {
        self.target
    }

    /// Bytes taken so far: in flash, or in the piece being filled.
    pub(crate) fn received(&self) -> u32 {
        self.written + self.filled as u32
    }

    /// Whether the slot would not take what was written, whatever was tried.
    pub(crate) const fn is_broken(&self) -> bool {
        self.broken
    }

    /// Whether the first piece was acceptable, so that the slot is not what it was.
    pub(crate) const fn is_accepted(&self) -> bool {
        self.accepted
    }

    /// How long the file is.
    pub(crate) const fn size(&self) -> Size {
        self.size
    }

    /// Bytes that are in flash.
    pub(crate) const fn written(&self) -> u32 {
        self.written
    }

    /// Takes up an interrupted update: reads back the `written` bytes that are in flash and goes on behind
    /// them. `Err` means they are not what they should be; begin afresh.
    pub(crate) async fn resume<F: NorFlash>(
        &mut self,
        flash: &RefCell<DeviceFlash<F>>,
        written: u32,
        clock: &impl Clock,
    ) -> Result<(), Failure> {
        let written = written.min(self.size.limit());
        let mut offset = 0;
        while offset < written {
            let length = (written - offset).min(PIECE as u32) as usize;
            self.read(flash, offset, length)?;
            self.content.update(&self.piece[..length])?;
            if offset == 0 {
                self.content.gate(&self.piece[..length])?;
            }
            offset += length as u32;
            clock.sleep_ms(0).await;
        }
        self.written = written;
        self.erased = written;
        self.accepted = written > 0;
        Ok(())
    }

    /// Takes bytes in the order of the file.
    ///
    /// `accepted` is called once the first piece was found acceptable, before anything is erased.
    ///
    /// If the slot will not take them, whatever is tried, it [`Self::is_broken`] then. What [`Self::received`] counts
    /// is kept: the update can go on in another slot ([`Self::move_to`]).
    pub(crate) async fn push<F: NorFlash>(
        &mut self,
        flash: &RefCell<DeviceFlash<F>>,
        mut bytes: &[u8],
        clock: &impl Clock,
        accepted: &mut dyn FnMut() -> Result<(), Failure>,
    ) -> Result<Pushed, Failure> {
        let mut pushed = Pushed::More;
        let limit = self.size.limit();
        if bytes.len() as u64 > u64::from(limit - self.received()) {
            return Err(Failure::new(
                ReasonCode::ProtocolError,
                format_args!("more than the promised {limit} bytes arrived"),
            ));
        }
        while !bytes.is_empty() {
            let taken = bytes.len().min(PIECE - self.filled);
            let (now, later) = bytes.split_at(taken);
            self.piece[self.filled..self.filled + taken].copy_from_slice(now);
            self.filled += taken;
            bytes = later;
            let last = Size::Exact(self.received()) == self.size;
            if self.filled == PIECE || last {
                self.write_piece(flash, clock, accepted).await?;
                if self.written.is_multiple_of(CHECKPOINT) || last {
                    pushed = Pushed::Checkpoint(self.written);
                }
            }
        }
        Ok(pushed)
    }

    /// Writes what is left, reads the whole file back and verifies it. `verifying` is called with each piece of that.
    pub(crate) async fn finish<F: NorFlash>(
        &mut self,
        flash: &RefCell<DeviceFlash<F>>,
        clock: &impl Clock,
        accepted: &mut dyn FnMut() -> Result<(), Failure>,
        verifying: &dyn Fn(),
    ) -> Result<C::Facts, Failure> {
        if let Size::Exact(size) = self.size
            && self.received() != size
        {
            return Err(Failure::new(
                ReasonCode::ConnectionLost,
                format_args!("{} of {size} bytes arrived", self.received()),
            ));
        }
        if self.filled > 0 {
            self.write_piece(flash, clock, accepted).await?;
        }
        if self.written == 0 {
            self.content.gate(&[])?;
        }
        self.content.verdict(Pass::Arrived)?;
        let mut offset = 0;
        while offset < self.written {
            let length = (self.written - offset).min(PIECE as u32) as usize;
            self.read(flash, offset, length)?;
            self.content
                .update(&self.piece[..length])
                .map_err(|failure| {
                    Failure::new(
                        ReasonCode::ReadBackMismatch,
                        format_args!("read back: {}", failure.detail),
                    )
                })?;
            offset += length as u32;
            verifying();
            clock.sleep_ms(0).await;
        }
        self.content.verdict(Pass::ReadBack)
    }

    /// Goes on in another slot of the same kind, with a copy of what is written so far, and with the piece the
    /// broken slot did not take.
    pub(crate) async fn move_to<F: NorFlash>(
        &mut self,
        flash: &RefCell<DeviceFlash<F>>,
        target: Target,
        window: Window,
        clock: &impl Clock,
    ) -> Result<(), Failure> {
        if window.size < self.size.limit().min(self.window.size) {
            return Err(Failure::new(
                ReasonCode::TooBig,
                format_args!("{target} is smaller than {}", self.target),
            ));
        }
        let from = core::mem::replace(&mut self.window, window);
        self.target = target;
        self.broken = false;
        self.release(flash)?;
        self.erased = 0;
        let mut offset = 0;
        let mut page = [0; PAGE];
        while offset < self.written {
            self.erase_until(flash, offset + PAGE as u32, clock).await?;
            {
                let mut flash = flash.borrow_mut();
                flash
                    .region(from)?
                    .read(offset, &mut page)
                    .map_err(|error| {
                        Failure::new(ReasonCode::ReadFailed, format_args!("{error:?}"))
                    })?;
                let copied = program(&mut flash, window, offset, &page)
                    .and_then(|()| compare(&mut flash, window, offset, &page));
                if let Err(failure) = copied {
                    drop(flash);
                    return Err(self.failed(&failure));
                }
            }
            offset += PAGE as u32;
            clock.sleep_ms(0).await;
        }
        self.keep_piece(flash, clock).await
    }

    /// Reads `length` bytes at `offset` of the slot into the piece, whole flash words at a time.
    fn read<F: NorFlash>(
        &mut self,
        flash: &RefCell<DeviceFlash<F>>,
        offset: u32,
        length: usize,
    ) -> Result<(), Failure> {
        let whole = length.next_multiple_of(F::READ_SIZE.max(4)).min(PIECE);
        flash
            .borrow_mut()
            .region(self.window)?
            .read(offset, &mut self.piece[..whole])
            .map_err(|error| Failure::new(ReasonCode::ReadFailed, format_args!("{error:?}")))
    }

    async fn write_piece<F: NorFlash>(
        &mut self,
        flash: &RefCell<DeviceFlash<F>>,
        clock: &impl Clock,
        accepted: &mut dyn FnMut() -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        self.content.update(&self.piece[..self.filled])?;
        if self.written == 0 {
            self.content.gate(&self.piece[..self.filled])?;
            self.accepted = true;
            accepted()?;
            self.release(flash)?;
        }
        self.keep_piece(flash, clock).await
    }

    /// Puts the piece, which was looked at already, into flash.
    async fn keep_piece<F: NorFlash>(
        &mut self,
        flash: &RefCell<DeviceFlash<F>>,
        clock: &impl Clock,
    ) -> Result<(), Failure> {
        let until = self.written + self.filled as u32;
        self.erase_until(flash, until, clock).await?;
        let whole = self.filled.next_multiple_of(F::WRITE_SIZE);
        self.piece[self.filled..whole].fill(0xFF);
        let mut tries = 0;
        loop {
            let kept = {
                let mut flash = flash.borrow_mut();
                let bytes = &self.piece[..whole];
                program(&mut flash, self.window, self.written, bytes)
                    .and_then(|()| compare(&mut flash, self.window, self.written, bytes))
            };
            clock.sleep_ms(0).await;
            let Err(failure) = kept else { break };
            if tries == MAX_RETRIES {
                return Err(self.failed(&failure));
            }
            tries += 1;
            // What was written must go before it is written again, and it is this piece's sector alone.
            let sector = (self.written, self.written + SECTOR_SIZE);
            let erased = erase(&mut flash.borrow_mut(), self.window, sector);
            if let Err(failure) = erased {
                return Err(self.failed(&failure));
            }
        }
        self.written += self.filled as u32;
        self.filled = 0;
        Ok(())
    }

    /// The records before the slot: from here on nothing may boot it.
    fn release<F: NorFlash>(&self, flash: &RefCell<DeviceFlash<F>>) -> Result<(), Failure> {
        match self.target {
            Target::App(slot) => flash.borrow_mut().release(slot),
            Target::Www(_) => Ok(()),
        }
    }

    fn failed(&mut self, failure: &Failure) -> Failure {
        self.broken = true;
        Failure::new(
            failure.reason,
            format_args!(
                "{} does not take what is written at {:#x}: {}",
                self.target, self.written, failure.detail
            ),
        )
    }

    /// Erases block by block or sector by sector until everything below `until` is, skipping what is blank.
    async fn erase_until<F: NorFlash>(
        &mut self,
        flash: &RefCell<DeviceFlash<F>>,
        until: u32,
        clock: &impl Clock,
    ) -> Result<(), Failure> {
        let mut tries = 0;
        while self.erased < until {
            let address = self.window.start + self.erased;
            let end = self.size.limit().min(self.window.size);
            let whole_block = address.is_multiple_of(BLOCK) && self.erased + BLOCK <= end;
            // What would not go as a block may go sector by sector.
            let length = if whole_block && tries == 0 {
                BLOCK
            } else {
                SECTOR_SIZE
            };
            let range = (self.erased, self.erased + length);
            let erased = erase(&mut flash.borrow_mut(), self.window, range);
            clock.sleep_ms(0).await;
            match erased {
                Ok(()) => {
                    self.erased = range.1;
                    tries = 0;
                }
                Err(failure) if tries == MAX_RETRIES => return Err(self.failed(&failure)),
                Err(_) => tries += 1,
            }
        }
        Ok(())
    }
}

/// A piece, or [`ReasonCode::NoMemory`] where an allocation that cannot fail would end the app.
fn blank_piece() -> Result<Vec<u8>, Failure> {
    let mut piece = Vec::new();
    piece.try_reserve_exact(PIECE).map_err(|_| {
        Failure::new(
            ReasonCode::NoMemory,
            format_args!("no {PIECE} bytes of heap are free in one piece"),
        )
    })?;
    piece.resize(PIECE, 0xFF);
    Ok(piece)
}
