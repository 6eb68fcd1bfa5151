//! Recognising files that are not firmware, by how they start.
//!
//! People upload what they have at hand: a saved web page, an archive, the ELF file. Naming it is the shortest way to
//! the right file. The judgement needs the first [`GATE_SIZE`](crate::GATE_SIZE) bytes, or the whole file if shorter.

use crate::fault::{Fault, FaultCode, Value};
use crate::header::IMAGE_MAGIC;

/// Where a `LittleFS` superblock carries its magic, in bytes from the start of block 0.
const LITTLEFS_MAGIC_OFFSET: usize = 8;

/// First bytes of an ESP-IDF partition table entry.
pub(crate) const PARTITION_MAGIC: [u8; 2] = [0xAA, 0x50];

/// First byte of an ESP8266 image of the second format.
const ESP8266_V2_MAGIC: u8 = 0xEA;

/// Says what a file is, if `start` is not the start of an ESP image.
pub(crate) fn recognise(start: &[u8]) -> Result<(), Fault> {
    let Some(code) = kind(start) else {
        return Ok(());
    };
    let offset = if code == FaultCode::LittleFs {
        LITTLEFS_MAGIC_OFFSET
    } else {
        0
    };
    Err(Fault {
        code,
        offset: offset as u32,
        found: Value::start(start.get(offset..).unwrap_or_default()),
        expected: Value::Words("an image starting with byte 0xe9"),
    })
}

fn kind(start: &[u8]) -> Option<FaultCode> {
    const MAGICS: [(&[u8], FaultCode); 6] = [
        (b"\x7FELF", FaultCode::Elf),
        (b"UF2\n", FaultCode::Uf2),
        (b"PK\x03\x04", FaultCode::Zip),
        (b"PK\x05\x06", FaultCode::Zip),
        (b"\x1F\x8B", FaultCode::Gzip),
        (&PARTITION_MAGIC, FaultCode::PartitionTable),
    ];
    if start.is_empty() {
        return Some(FaultCode::EmptyFile);
    }
    // Before the image's magic: the first byte of a LittleFS block is a counter and may be 0xE9.
    if start
        .get(LITTLEFS_MAGIC_OFFSET..)
        .is_some_and(|rest| rest.starts_with(b"littlefs"))
    {
        return Some(FaultCode::LittleFs);
    }
    if start.first() == Some(&IMAGE_MAGIC) {
        return None;
    }
    if let Some((_, code)) = MAGICS.iter().find(|(magic, _)| start.starts_with(magic)) {
        return Some(*code);
    }
    if start.iter().all(|byte| *byte == 0xFF) {
        return Some(FaultCode::BlankFlash);
    }
    if start.first() == Some(&ESP8266_V2_MAGIC) {
        return Some(FaultCode::Esp8266);
    }
    Some(text_kind(start).unwrap_or(FaultCode::BadMagic))
}

/// The kind of text, if it is text.
fn text_kind(start: &[u8]) -> Option<FaultCode> {
    let start = start.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(start);
    let text = match core::str::from_utf8(start) {
        Ok(text) => text,
        // The last character may be cut by the end of what was read.
        Err(error) if error.error_len().is_none() => {
            core::str::from_utf8(start.get(..error.valid_up_to())?).ok()?
        }
        Err(_) => return None,
    };
    if text
        .chars()
        .any(|c| c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\x0C'))
    {
        return None;
    }
    let written = text.trim_start().as_bytes();
    Some(match written {
        [b'<', b'!' | b'?' | b'a'..=b'z' | b'A'..=b'Z', ..] => FaultCode::Html,
        [b'{' | b'[', ..] => FaultCode::Json,
        [b':', rest @ ..] if hex_record(rest) => FaultCode::IntelHex,
        _ => FaultCode::Text,
    })
}

/// Whether what follows a colon is the first Intel HEX record: length, address and type are 8 hexadecimal digits.
fn hex_record(rest: &[u8]) -> bool {
    rest.get(..8)
        .is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
}
