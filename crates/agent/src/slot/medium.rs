//! What the writer does to the flash, one bounded step each.

use embedded_storage::nor_flash::{NorFlash, ReadNorFlash};
use updraft_protocol::ReasonCode;

use crate::failure::Failure;
use crate::flash::{DeviceFlash, Window};

/// Bytes compared or copied at a time: one flash page, on the stack.
pub(super) const PAGE: usize = 256;

/// Erases a range of the slot, unless it is blank, and sees that it is blank then.
pub(super) fn erase<F: NorFlash>(
    flash: &mut DeviceFlash<F>,
    window: Window,
    (from, to): (u32, u32),
) -> Result<(), Failure> {
    let mut region = flash.region(window)?;
    if is_blank(&mut region, from, to)? {
        return Ok(());
    }
    region
        .erase(from, to)
        .map_err(|error| Failure::new(ReasonCode::EraseFailed, format_args!("{error:?}")))?;
    if is_blank(&mut region, from, to)? {
        return Ok(());
    }
    Err(Failure::new(
        ReasonCode::ReadBackMismatch,
        format_args!("{from:#x} to {to:#x} is not blank after its erase"),
    ))
}

pub(super) fn program<F: NorFlash>(
    flash: &mut DeviceFlash<F>,
    window: Window,
    offset: u32,
    bytes: &[u8],
) -> Result<(), Failure> {
    flash
        .region(window)?
        .write(offset, bytes)
        .map_err(|error| Failure::new(ReasonCode::WriteFailed, format_args!("{error:?}")))
}

/// An error if the flash does not hold `bytes` at `offset`.
pub(super) fn compare<F: NorFlash>(
    flash: &mut DeviceFlash<F>,
    window: Window,
    offset: u32,
    bytes: &[u8],
) -> Result<(), Failure> {
    let mut region = flash.region(window)?;
    let mut found = [0; PAGE];
    let mut at = offset;
    for wanted in bytes.chunks(PAGE) {
        let found = &mut found[..wanted.len()];
        region
            .read(at, found)
            .map_err(|error| Failure::new(ReasonCode::ReadFailed, format_args!("{error:?}")))?;
        if found != wanted {
            return Err(Failure::new(
                ReasonCode::ReadBackMismatch,
                format_args!("what is read back at {at:#x} is not what was written"),
            ));
        }
        at += wanted.len() as u32;
    }
    Ok(())
}

/// Whether every byte of the range is erased.
fn is_blank<F: ReadNorFlash>(flash: &mut F, from: u32, to: u32) -> Result<bool, Failure> {
    let mut bytes = [0; PAGE];
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
