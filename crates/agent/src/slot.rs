//! Writing one image into one inactive slot.

use alloc::boxed::Box;
use core::fmt;

use embedded_storage::nor_flash::{NorFlash, ReadNorFlash};
use updraft_flash::SECTOR_SIZE;
use updraft_image::{Expect, Facts, GATE_SIZE, Verifier};
use updraft_protocol::{Digest, ReasonCode};

use crate::board::Clock;
use crate::failure::{Failure, of_fault};
use crate::flash::{DeviceFlash, Window};
use crate::memory::Refused;

/// Bytes written at a time: one flash sector.
pub const PIECE: usize = SECTOR_SIZE as usize;

/// The flash erases this many bytes about four times as fast as the sectors in it one by one (a typical
/// W25Q: 150 ms for 64 KiB, 45 ms for 4 KiB), so whole blocks are erased as blocks.
const BLOCK: u32 = 64 * 1024;

/// How many bytes apart the progress of an update is noted in NVS. One block: a resumed update then
/// begins with a block erase.
pub(crate) const CHECKPOINT: u32 = BLOCK;

/// What an image must be to be installed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    /// What the gate checks.
    pub(crate) expect: Expect,
    /// Size of the file in bytes.
    pub(crate) size: u32,
    /// SHA-256 of the file.
    pub(crate) sha256: Digest,
    /// The version in the image.
    pub(crate) version: &'a str,
    /// The ELF SHA-256 in the image.
    pub(crate) elf_sha256: Option<Digest>,
    /// Builds that were rolled back here, by their ELF SHA-256.
    pub(crate) refused: Refused,
}

impl Wanted<'_> {
    fn check_sha256(&self, found: [u8; 32], reason: ReasonCode) -> Result<(), Failure> {
        if Digest(found) == self.sha256 {
            return Ok(());
        }
        Err(Failure::new(
            reason,
            format_args!(
                "the SHA-256 is {}, {} was promised",
                Digest(found),
                self.sha256
            ),
        ))
    }
}

/// A writer to one slot that is not running. It holds that slot's bounds and nothing else of the flash.
///
/// Bytes are gathered into pieces of [`PIECE`]. The first piece decides whether the image is acceptable at
/// all, before anything is erased. Erasing goes just ahead of the data and skips what is blank.
pub struct SlotWriter<'a> {
    slot: u8,
    window: Window,
    wanted: Wanted<'a>,
    verifier: Verifier,
    piece: Box<[u8; PIECE]>,
    filled: usize,
    /// Bytes in flash; a multiple of [`PIECE`] until the last piece.
    written: u32,
    /// Everything below is erased or written.
    erased: u32,
}

impl fmt::Debug for SlotWriter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SlotWriter")
            .field("slot", &self.slot)
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

impl<'a> SlotWriter<'a> {
    /// A writer to the slot the next update goes to.
    pub(crate) fn begin<F: NorFlash>(
        flash: &DeviceFlash<F>,
        wanted: &Wanted<'a>,
    ) -> Result<Self, Failure> {
        let (slot, window) = flash.next_slot()?;
        let limit = wanted
            .expect
            .max_size
            .map_or(window.size, |max| max.min(window.size));
        if wanted.size > limit {
            return Err(Failure::new(
                ReasonCode::TooBig,
                format_args!(
                    "the image has {} bytes, ota_{slot} takes {limit}",
                    wanted.size
                ),
            ));
        }
        let expect = wanted.expect.max_size(limit).declared_size(wanted.size);
        Ok(Self {
            slot,
            window,
            verifier: Verifier::new(expect),
            wanted: Wanted { expect, ..*wanted },
            piece: Box::new([0xFF; PIECE]),
            filled: 0,
            written: 0,
            erased: 0,
        })
    }

    /// The slot's number.
    pub const fn slot(&self) -> u8 {
        self.slot
    }

    /// Bytes taken so far: in flash, or in the piece being filled.
    pub fn received(&self) -> u32 {
        self.written + self.filled as u32
    }

    /// Takes up an interrupted update: reads back the `written` bytes that are in flash and goes on behind
    /// them. `Err` means they are not what they should be; begin afresh.
    pub(crate) async fn resume<F: NorFlash>(
        &mut self,
        flash: &mut DeviceFlash<F>,
        written: u32,
        clock: &impl Clock,
    ) -> Result<(), Failure> {
        let written = written.min(self.wanted.size);
        let mut offset = 0;
        while offset < written {
            let length = (written - offset).min(PIECE as u32) as usize;
            self.read(flash, offset, length)?;
            self.verifier
                .update(&self.piece[..length])
                .map_err(|fault| of_fault(&fault))?;
            offset += length as u32;
            clock.sleep_ms(0).await;
        }
        self.check_head()?;
        self.written = written;
        self.erased = written;
        Ok(())
    }

    /// Takes bytes in the order of the image.
    pub(crate) async fn push<F: NorFlash>(
        &mut self,
        flash: &mut DeviceFlash<F>,
        mut bytes: &[u8],
        clock: &impl Clock,
    ) -> Result<Pushed, Failure> {
        let mut pushed = Pushed::More;
        let room = self.wanted.size - self.received();
        if bytes.len() as u64 > u64::from(room) {
            return Err(Failure::new(
                ReasonCode::ProtocolError,
                format_args!("more than the promised {} bytes arrived", self.wanted.size),
            ));
        }
        while !bytes.is_empty() {
            let taken = bytes.len().min(PIECE - self.filled);
            let (now, later) = bytes.split_at(taken);
            self.piece[self.filled..self.filled + taken].copy_from_slice(now);
            self.filled += taken;
            bytes = later;
            let last = self.received() == self.wanted.size;
            if self.filled == PIECE || last {
                self.write_piece(flash, clock).await?;
                if self.written.is_multiple_of(CHECKPOINT) || last {
                    pushed = Pushed::Checkpoint(self.written);
                }
            }
        }
        Ok(pushed)
    }

    /// Reads the whole image back and verifies it: size, SHA-256, structure, version, build.
    pub(crate) async fn finish<F: NorFlash>(
        mut self,
        flash: &mut DeviceFlash<F>,
        clock: &impl Clock,
    ) -> Result<Facts, Failure> {
        if self.received() != self.wanted.size {
            return Err(Failure::new(
                ReasonCode::ConnectionLost,
                format_args!("{} of {} bytes arrived", self.received(), self.wanted.size),
            ));
        }
        let again = Verifier::new(self.wanted.expect);
        let arrived = core::mem::replace(&mut self.verifier, again);
        let arrived = arrived.finish().map_err(|fault| of_fault(&fault))?;
        self.wanted
            .check_sha256(arrived.file_sha256, ReasonCode::ChecksumMismatch)?;

        let mut offset = 0;
        while offset < self.wanted.size {
            let length = (self.wanted.size - offset).min(PIECE as u32) as usize;
            self.read(flash, offset, length)?;
            self.verifier
                .update(&self.piece[..length])
                .map_err(|fault| {
                    Failure::new(
                        ReasonCode::ReadBackMismatch,
                        format_args!("read back: {fault}"),
                    )
                })?;
            offset += length as u32;
            clock.sleep_ms(0).await;
        }
        let facts = self.verifier.finish().map_err(|fault| {
            Failure::new(
                ReasonCode::ReadBackMismatch,
                format_args!("read back: {fault}"),
            )
        })?;
        self.wanted
            .check_sha256(facts.file_sha256, ReasonCode::ReadBackMismatch)?;
        Ok(facts)
    }

    /// Reads `length` bytes at `offset` of the slot into the piece, whole flash words at a time.
    fn read<F: NorFlash>(
        &mut self,
        flash: &mut DeviceFlash<F>,
        offset: u32,
        length: usize,
    ) -> Result<(), Failure> {
        let whole = length.next_multiple_of(F::READ_SIZE.max(4)).min(PIECE);
        flash
            .region(self.window)?
            .read(offset, &mut self.piece[..whole])
            .map_err(|error| Failure::new(ReasonCode::ReadFailed, format_args!("{error:?}")))
    }

    async fn write_piece<F: NorFlash>(
        &mut self,
        flash: &mut DeviceFlash<F>,
        clock: &impl Clock,
    ) -> Result<(), Failure> {
        self.verifier
            .update(&self.piece[..self.filled])
            .map_err(|fault| of_fault(&fault))?;
        if self.written == 0 {
            if self.filled < GATE_SIZE {
                return Err(Failure::new(
                    ReasonCode::NotAnImage,
                    format_args!("{} bytes are too few for an image", self.filled),
                ));
            }
            self.check_head()?;
            // The records before the slot: from here on nothing may boot it.
            flash.release(self.slot)?;
        }
        while self.erased < self.written + self.filled as u32 {
            self.erase_ahead(flash)?;
            clock.sleep_ms(0).await;
        }
        let whole = self.filled.next_multiple_of(F::WRITE_SIZE);
        self.piece[self.filled..whole].fill(0xFF);
        let written = self.written;
        flash
            .region(self.window)?
            .write(written, &self.piece[..whole])
            .map_err(|error| Failure::new(ReasonCode::WriteFailed, format_args!("{error:?}")))?;
        self.written += self.filled as u32;
        self.filled = 0;
        clock.sleep_ms(0).await;
        Ok(())
    }

    /// Erases the next block or sector of the slot, unless it is blank.
    fn erase_ahead<F: NorFlash>(&mut self, flash: &mut DeviceFlash<F>) -> Result<(), Failure> {
        let address = self.window.start + self.erased;
        let whole_block = address.is_multiple_of(BLOCK) && self.erased + BLOCK <= self.wanted.size;
        let length = if whole_block { BLOCK } else { SECTOR_SIZE };
        let (from, to) = (self.erased, self.erased + length);
        let mut region = flash.region(self.window)?;
        if !is_blank(&mut region, from, to)? {
            region.erase(from, to).map_err(|error| {
                Failure::new(ReasonCode::EraseFailed, format_args!("{error:?}"))
            })?;
        }
        self.erased = to;
        Ok(())
    }

    /// Checks what the gate found against the offer. The gate itself was the verifier's.
    fn check_head(&self) -> Result<(), Failure> {
        let Some(head) = self.verifier.head() else {
            return Ok(());
        };
        let version = head.app.version().map_err(|fault| of_fault(&fault))?;
        if version != self.wanted.version {
            return Err(Failure::new(
                ReasonCode::WrongVersion,
                format_args!(
                    "the image is {version}, {} was offered",
                    self.wanted.version
                ),
            ));
        }
        let elf = Digest(head.app.app_elf_sha256);
        if self.wanted.elf_sha256.is_some_and(|wanted| wanted != elf) {
            return Err(Failure::new(
                ReasonCode::WrongVersion,
                "the image is another build than the one offered",
            ));
        }
        self.wanted.refused.check(elf)
    }
}

/// Whether every byte of the range is erased.
fn is_blank<F: ReadNorFlash>(flash: &mut F, from: u32, to: u32) -> Result<bool, Failure> {
    let mut bytes = [0; 256];
    let mut offset = from;
    while offset < to {
        flash
            .read(offset, &mut bytes)
            .map_err(|error| Failure::new(ReasonCode::ReadFailed, format_args!("{error:?}")))?;
        if bytes.iter().any(|&byte| byte != 0xFF) {
            return Ok(false);
        }
        offset += bytes.len() as u32;
    }
    Ok(true)
}
