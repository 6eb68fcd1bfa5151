//! Application images small enough to fuzz with, and their checksums.

use sha2::{Digest, Sha256};

use crate::crc_from_ones;

const HEADER: usize = 24;
/// Bytes up to the end of the app descriptor.
const HEAD: usize = 288;
const SECTOR: usize = 4096;
const SIGNATURE_BLOCK: usize = 1216;

/// A real image's header and app descriptor with little behind them, checksum and hash right.
pub fn short_image(real: &[u8]) -> Vec<u8> {
    let mut short = real.get(..HEAD).unwrap_or(real).to_vec();
    short.resize(HEAD, 0);
    short[1] = 2;
    short[28..32].copy_from_slice(&((HEAD - HEADER - 8) as u32).to_le_bytes());
    short.extend_from_slice(&0x3FC8_0000_u32.to_le_bytes());
    short.extend_from_slice(&44_u32.to_le_bytes());
    short.extend_from_slice(&[7; 44]);
    short.resize((short.len() + 1).next_multiple_of(16) + 32, 0);
    forge_image(&mut short, 3);
    short
}

/// Puts right what `which` says: bit 0 the checksum, bit 1 the hash, bit 2 digest and CRC of signature blocks.
pub fn forge_image(file: &mut [u8], which: u8) {
    let Some(end) = segments_end(file) else {
        return;
    };
    let sum_at = (end + 1).next_multiple_of(16) - 1;
    if which & 1 != 0 && sum_at < file.len() {
        file[sum_at] = checksum(file);
    }
    let mut image_end = sum_at + 1;
    if file[23] == 1 {
        image_end += 32;
        if which & 2 != 0 && image_end <= file.len() {
            let hash = Sha256::digest(&file[..=sum_at]);
            file[sum_at + 1..image_end].copy_from_slice(&hash);
        }
    }
    let sector = image_end.next_multiple_of(SECTOR);
    if which & 4 == 0 || sector > file.len() {
        return;
    }
    let (image, signature) = file.split_at_mut(sector);
    let digest = Sha256::digest(&*image);
    for block in signature.chunks_exact_mut(SIGNATURE_BLOCK).take(3) {
        block[4..36].copy_from_slice(&digest);
        let crc = !crc_from_ones(&[&block[..1196]]);
        block[1196..1200].copy_from_slice(&crc.to_le_bytes());
    }
}

/// Where the segments end, if they lie in the file.
fn segments_end(file: &[u8]) -> Option<usize> {
    let mut at = HEADER;
    for _ in 0..*file.get(1)? {
        let length = file.get(at + 4..at + 8)?;
        let length = u32::from_le_bytes(length.try_into().ok()?) as usize;
        at = at.checked_add(8)?.checked_add(length)?;
    }
    (at <= file.len()).then_some(at)
}

/// The checksum of an image whose segments lie in the file.
fn checksum(file: &[u8]) -> u8 {
    let mut at = HEADER;
    let mut sum = 0xEF;
    for _ in 0..file[1] {
        let length = u32::from_le_bytes([file[at + 4], file[at + 5], file[at + 6], file[at + 7]]);
        at += 8;
        sum = file[at..at + length as usize]
            .iter()
            .fold(sum, |sum, byte| sum ^ byte);
        at += length as usize;
    }
    sum
}
