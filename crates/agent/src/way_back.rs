//! The app a rollback leads to.

use updraft_flash::otadata::OtaData;
use updraft_flash::slot::AppSlot;
use updraft_image::{
    Expect, Facts, HEADER_SIZE, IMAGE_MAGIC, MAX_SEGMENTS, SEGMENT_HEADER_SIZE, Verifier,
};
use updraft_protocol::ReasonCode;

use embedded_storage::nor_flash::NorFlash;

use crate::board::{Board, Clock, System};
use crate::failure::{Failure, of_fault};
use crate::flash::{DeviceFlash, Window};
use crate::updater::Updater;

/// Bytes of an app read at a time, on the stack.
const READ: usize = 512;

/// Bytes of an app read between two turns of other tasks.
const TURN: u32 = 4096;

/// Checksums end on a multiple of this many bytes.
const CHECKSUM_UNIT: u32 = 16;

/// Bytes of the appended SHA-256.
const HASH_SIZE: u32 = 32;

/// The app a rollback from `running` leads to: the one the other boot record names, else `factory`. That it verifies,
/// or is there at all, is not said.
pub(crate) fn way_back_candidate(otadata: &OtaData, running: AppSlot) -> Option<AppSlot> {
    let other = otadata.active()?.other();
    let candidate = otadata
        .slot_of(other)
        .map(AppSlot::Ota)
        .filter(|&slot| slot != running && otadata.record(other).is_valid())
        .unwrap_or(AppSlot::Factory);
    Some(candidate).filter(|&slot| slot != running)
}

impl<B: Board> Updater<B> {
    /// The app a rollback leads to, if there is one that verifies: the one the other boot record names, else
    /// `factory` (`esp_ota_check_rollback_is_possible`).
    pub(crate) async fn way_back(&self) -> Result<Option<AppSlot>, Failure> {
        let Some(candidate) = self.way_back_candidate()? else {
            return Ok(None);
        };
        Ok(self.verify_slot(candidate).await.ok().map(|_| candidate))
    }

    /// The same without having looked into the slot.
    pub(crate) fn way_back_candidate(&self) -> Result<Option<AppSlot>, Failure> {
        let otadata = self.flash.borrow_mut().otadata()?;
        Ok(way_back_candidate(&otadata, self.app.slot))
    }

    /// The facts of the app in `slot`, read and verified whole, other tasks running between.
    pub(crate) async fn verify_slot(&self, slot: AppSlot) -> Result<Facts, Failure> {
        let mut reading = Reading::begin(&mut self.flash.borrow_mut(), &self.system, slot)?;
        while reading.turn(&mut self.flash.borrow_mut())? {
            self.clock.sleep_ms(0).await;
        }
        reading.finish()
    }
}

/// The same at one go, for a boot at which nothing else runs yet.
pub(crate) fn verify_at_once<F: NorFlash, S: System>(
    flash: &mut DeviceFlash<F>,
    system: &S,
    slot: AppSlot,
) -> Result<Facts, Failure> {
    let mut reading = Reading::begin(flash, system, slot)?;
    while reading.turn(flash)? {
        system.feed_watchdog();
    }
    reading.finish()
}

/// An app that is being read and verified.
struct Reading {
    window: Window,
    length: u32,
    offset: u32,
    verifier: Verifier,
}

impl Reading {
    fn begin<F: NorFlash, S: System>(
        flash: &mut DeviceFlash<F>,
        system: &S,
        slot: AppSlot,
    ) -> Result<Self, Failure> {
        let window = flash
            .app_window(slot)
            .ok_or_else(|| Failure::new(ReasonCode::NoSlot, format_args!("there is no {slot}")))?;
        let expect = Expect::new()
            .chip(system.chip())
            .min_secure_version(system.secure_version());
        Ok(Self {
            window,
            length: image_length(flash, window)?,
            offset: 0,
            verifier: Verifier::new(expect),
        })
    }

    /// Reads on for [`TURN`] bytes; false when that was the end.
    fn turn<F: NorFlash>(&mut self, flash: &mut DeviceFlash<F>) -> Result<bool, Failure> {
        let mut bytes = [0; READ];
        let end = self.length.min(self.offset + TURN);
        while self.offset < end {
            let count = (end - self.offset).min(READ as u32) as usize;
            flash.read(self.window, self.offset, &mut bytes[..count])?;
            self.verifier
                .update(&bytes[..count])
                .map_err(|fault| of_fault(&fault))?;
            self.offset += count as u32;
        }
        Ok(self.offset < self.length)
    }

    fn finish(self) -> Result<Facts, Failure> {
        self.verifier.finish().map_err(|fault| of_fault(&fault))
    }
}

/// How long the image in a slot is, by its header and the headers of its segments, without a signature behind it.
/// That it is an image at all is the verifier's to say.
fn image_length<F: NorFlash>(flash: &mut DeviceFlash<F>, window: Window) -> Result<u32, Failure> {
    let damaged = || Failure::new(ReasonCode::NotAnImage, "the slot holds no app");
    let mut header = [0; HEADER_SIZE];
    flash.read(window, 0, &mut header)?;
    let [magic, segments, ..] = header;
    if magic != IMAGE_MAGIC || usize::from(segments) > MAX_SEGMENTS {
        return Err(damaged());
    }
    let mut end = HEADER_SIZE as u32;
    for _ in 0..segments {
        let mut segment = [0; SEGMENT_HEADER_SIZE];
        if end > window.size {
            return Err(damaged());
        }
        flash.read(window, end, &mut segment)?;
        let [.., a, b, c, d] = segment;
        end = u32::from_le_bytes([a, b, c, d])
            .checked_add(SEGMENT_HEADER_SIZE as u32)
            .and_then(|length| end.checked_add(length))
            .ok_or_else(damaged)?;
    }
    let [.., hash_appended] = header;
    let hash = if hash_appended == 1 { HASH_SIZE } else { 0 };
    end.checked_add(1)
        .and_then(|end| end.checked_next_multiple_of(CHECKSUM_UNIT))
        .and_then(|end| end.checked_add(hash))
        .filter(|&end| end <= window.size)
        .ok_or_else(damaged)
}
