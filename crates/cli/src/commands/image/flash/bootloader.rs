//! The bootloader of a flash image: one of Espressif's, or the user's own, told how large the flash is.
//!
//! Its form is that of an app image (ESP-IDF's `esp_image_format.h`): a header of 24 bytes, segments with headers of 8
//! bytes, a checksum at the end of a 16-byte line, and a SHA-256 of all before it.

use std::path::Path;

use sha2::{Digest as _, Sha256};
use updraft_image::{Chip, HEADER_SIZE, Header, IMAGE_MAGIC, MAX_SEGMENTS, SEGMENT_HEADER_SIZE};

use crate::error::Failure;
use crate::exit::Exit;

/// What a checksum begins with.
const CHECKSUM_SEED: u8 = 0xEF;
/// The checksum is the last byte of a line of this many.
const LINE: usize = 16;
/// Where the header has the flash's size, in its upper half, and the clock in its lower half.
const SPEED_AND_SIZE: usize = 3;

const ESP32C3: &[u8] = include_bytes!("../../../../../../fixtures/bootloaders/esp32c3.bin");
const ESP32C6: &[u8] = include_bytes!("../../../../../../fixtures/bootloaders/esp32c6.bin");
const ESP32S3: &[u8] = include_bytes!("../../../../../../fixtures/bootloaders/esp32s3.bin");

/// The bootloader for `chip` and `flash_size`: the one in the file, or Espressif's.
pub(super) fn bootloader(
    chip: Chip,
    flash_size: u32,
    file: Option<(&Path, Vec<u8>)>,
) -> Result<Vec<u8>, Failure> {
    let (name, mut bytes) = match file {
        Some((path, bytes)) => (path.display().to_string(), bytes),
        None => (
            format!("the bootloader of {}", chip.name()),
            built_in(chip)?.to_vec(),
        ),
    };
    let refuse = |code, what: &str| {
        Failure::new(Exit::Refused, code, format!("{name}: {what}"))
            .hint("give the bootloader.bin that was built with the app")
    };
    let length = parse(&bytes, chip).map_err(|(code, what)| refuse(code, &what))?;
    bytes.truncate(length);
    set_flash_size(&mut bytes, flash_size)
        .ok_or_else(|| refuse("bootloader_cut", "the file ends too early"))?;
    Ok(bytes)
}

fn built_in(chip: Chip) -> Result<&'static [u8], Failure> {
    match chip {
        Chip::Esp32c3 => Ok(ESP32C3),
        Chip::Esp32c6 => Ok(ESP32C6),
        Chip::Esp32s3 => Ok(ESP32S3),
        other => Err(Failure::new(
            Exit::Usage,
            "no_bootloader",
            format!(
                "there is no bootloader for {} in this program",
                other.name()
            ),
        )
        .hint("give the app's own with --bootloader")),
    }
}

/// Checks what the chip's ROM checks, and gives the length of the image.
fn parse(bytes: &[u8], chip: Chip) -> Result<usize, (&'static str, String)> {
    let cut = || ("bootloader_cut", "the file ends too early".to_owned());
    let header = bytes.first_chunk::<HEADER_SIZE>().ok_or_else(cut)?;
    let header = Header::parse(header);
    let segments = usize::from(header.segment_count);
    if header.magic != IMAGE_MAGIC || !(1..=MAX_SEGMENTS).contains(&segments) {
        let what = "it does not begin as a bootloader does".to_owned();
        return Err(("not_a_bootloader", what));
    }
    if header.chip_id != chip.id() {
        let found = Chip::from_id(header.chip_id).map_or("an unknown chip", Chip::name);
        let what = format!("it is for {found}, the app for {}", chip.name());
        return Err(("bootloader_wrong_chip", what));
    }
    let mut at = HEADER_SIZE;
    let mut checksum = CHECKSUM_SEED;
    for _ in 0..segments {
        let size = bytes
            .get(at + 4..at + SEGMENT_HEADER_SIZE)
            .ok_or_else(cut)?;
        let size = size
            .iter()
            .rev()
            .fold(0, |size, byte| (size << 8) | usize::from(*byte));
        at += SEGMENT_HEADER_SIZE;
        let data = bytes.get(at..at.saturating_add(size)).ok_or_else(cut)?;
        checksum = data.iter().fold(checksum, |checksum, byte| checksum ^ byte);
        at += size;
    }
    // At least the checksum's own byte goes behind the segments.
    let end = (at / LINE + 1) * LINE;
    if *bytes.get(end - 1).ok_or_else(cut)? != checksum {
        let what = "its checksum does not match".to_owned();
        return Err(("bootloader_checksum", what));
    }
    if header.hash_appended != 1 {
        return Ok(end);
    }
    let hash = bytes.get(end..end + 32).ok_or_else(cut)?;
    let hashed = bytes.get(..end).ok_or_else(cut)?;
    if Sha256::digest(hashed).as_slice() != hash {
        let what = "its SHA-256 does not match".to_owned();
        return Err(("bootloader_sha256", what));
    }
    Ok(end + 32)
}

/// Writes the flash's size into the header and the hash behind it anew. The checksum is only of the segments.
fn set_flash_size(bytes: &mut [u8], flash_size: u32) -> Option<()> {
    let exponent = (flash_size >> 20).ilog2() as u8;
    let header = Header::parse(bytes.first_chunk::<HEADER_SIZE>()?);
    let place = bytes.get_mut(SPEED_AND_SIZE)?;
    *place = (*place & 0x0F) | (exponent << 4);
    if header.hash_appended == 1 {
        let end = bytes.len().checked_sub(32)?;
        let (hashed, hash) = bytes.split_at_mut_checked(end)?;
        hash.copy_from_slice(&Sha256::digest(&*hashed));
    }
    Some(())
}
