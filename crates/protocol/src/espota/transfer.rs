//! The bytes of the TCP connection: the file one way, counts and a verdict the other.
//!
//! After each read the device sends how many bytes of it were written, in decimal digits and nothing behind them, so
//! that counts run together when the host reads late. At the end it sends `OK`, perhaps right behind a count, or a
//! line that says what went wrong.

use core::fmt::{self, Write as _};

use md5::{Digest as _, Md5};

use super::{OK, REPEATS};

/// Most bytes of a device's complaint that are kept.
pub const MAX_COMPLAINT: usize = 160;

/// What a device's complaint begins with, when it is ours.
pub const COMPLAINT: &str = "ERROR: ";

/// Why the transfer cannot succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransferError {
    /// More bytes than the invitation said.
    TooMuch,
    /// The connection ended, or the host fell silent, before the last byte.
    TooLittle,
    /// The bytes do not have the MD5 the invitation said.
    Md5Mismatch,
}

impl TransferError {
    /// The stable code, as it stands behind [`COMPLAINT`].
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooMuch => "protocol_error",
            Self::TooLittle => "connection_lost",
            Self::Md5Mismatch => "checksum_mismatch",
        }
    }
}

impl fmt::Display for TransferError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooMuch => "the host sent more bytes than it had announced",
            Self::TooLittle => "the host stopped before the last byte it had announced",
            Self::Md5Mismatch => "the bytes do not have the MD5 the host had announced",
        })
    }
}

impl core::error::Error for TransferError {}

/// A line of text for the host. A verdict that must not be taken for a yes never holds `OK`.
#[derive(Debug, Clone, Copy)]
pub struct Line {
    text: [u8; MAX_COMPLAINT],
    length: usize,
}

impl Line {
    fn new(text: fmt::Arguments<'_>) -> Self {
        let mut line = Self {
            text: [0; MAX_COMPLAINT],
            length: 0,
        };
        // What does not fit is cut.
        let _ = line.write_fmt(text);
        line
    }

    /// So many bytes were written.
    pub fn count(bytes: u32) -> Self {
        Self::new(format_args!("{bytes}"))
    }

    /// All went well.
    pub fn ok() -> Self {
        Self::new(format_args!("{OK}"))
    }

    /// It did not: `ERROR: {why}` and the end of the line. Capital `K` becomes small, because hosts look for `OK`
    /// anywhere in the text.
    pub fn complaint(why: &str) -> Self {
        let mut line = Self::new(format_args!("{COMPLAINT}{why}"));
        line.length = line.length.min(MAX_COMPLAINT - 2);
        for byte in &mut line.text {
            match byte {
                b'K' => *byte = b'k',
                // One line of plain text, whatever the reason was made of.
                0x20..=0x7e | 0 => {}
                _ => *byte = b'?',
            }
        }
        let _ = line.write_str("\r\n");
        line
    }

    /// What to send.
    pub fn as_bytes(&self) -> &[u8] {
        self.text.get(..self.length).unwrap_or(&self.text)
    }

    fn as_str(&self) -> &str {
        core::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }
}

impl fmt::Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = self.text.get_mut(self.length..).unwrap_or_default();
        for (to, from) in room.iter_mut().zip(text.as_bytes()) {
            *to = *from;
            self.length += 1;
        }
        Ok(())
    }
}

/// The device's side: counts and hashes what arrives. Whoever holds the socket writes the bytes to flash, sends the
/// counts, and after [`Transfer::finish`] and the image's own verification [`Line::ok`] or [`Line::complaint`].
#[derive(Debug, Clone)]
pub struct Transfer {
    left: u32,
    md5: [u8; 16],
    hash: Md5,
    last: u32,
    repeats: u8,
}

impl Transfer {
    /// A transfer as it was announced.
    pub fn new(start: &super::Start) -> Self {
        Self {
            left: start.size,
            md5: start.md5,
            hash: Md5::new(),
            last: 0,
            repeats: 0,
        }
    }

    /// Bytes still to come.
    pub const fn left(&self) -> u32 {
        self.left
    }

    /// Bytes came and were written: the count to send. Bytes over the announced size are an error; nothing of such
    /// a read is to be written, so ask before writing, or read no more than [`Transfer::left`].
    pub fn received(&mut self, bytes: &[u8]) -> Result<Line, TransferError> {
        let count = u32::try_from(bytes.len()).map_err(|_| TransferError::TooMuch)?;
        self.left = self.left.checked_sub(count).ok_or(TransferError::TooMuch)?;
        self.hash.update(bytes);
        self.last = count;
        self.repeats = 0;
        Ok(Line::count(count))
    }

    /// Nothing came within [`READ_TIMEOUT_MS`](super::READ_TIMEOUT_MS): the last count again, in case it was lost on
    /// a host that waits for it; an error once that was tried [`REPEATS`] times, and before the first byte.
    pub fn silent(&mut self) -> Result<Line, TransferError> {
        if self.last == 0 || self.repeats == REPEATS {
            return Err(TransferError::TooLittle);
        }
        self.repeats += 1;
        Ok(Line::count(self.last))
    }

    /// All came that will come.
    pub fn finish(self) -> Result<(), TransferError> {
        if self.left != 0 {
            return Err(TransferError::TooLittle);
        }
        if self.hash.finalize().as_slice() != self.md5 {
            return Err(TransferError::Md5Mismatch);
        }
        Ok(())
    }
}

/// What a host has heard so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// Nothing final; so many bytes more were written, as far as counts that ran together can be told apart.
    Count(u64),
    /// `OK`.
    Done,
    /// The device complains: [`Listener::complaint`].
    Complaint,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hearing {
    Counts,
    // The `O` of an `OK`, or of a complaint.
    Letter,
    Done,
    Complaint,
}

/// The host's side: makes sense of what the device sends.
#[derive(Debug, Clone)]
pub struct Listener {
    hearing: Hearing,
    complaint: Line,
}

impl Default for Listener {
    fn default() -> Self {
        Self::new()
    }
}

impl Listener {
    /// One that has heard nothing.
    pub fn new() -> Self {
        Self {
            hearing: Hearing::Counts,
            complaint: Line::new(format_args!("")),
        }
    }

    /// Takes what one read brought.
    pub fn hear(&mut self, bytes: &[u8]) -> Heard {
        let mut count: u64 = 0;
        for byte in bytes {
            match (self.hearing, byte) {
                (Hearing::Counts, b'0'..=b'9') => {
                    count = count
                        .saturating_mul(10)
                        .saturating_add(u64::from(byte - b'0'));
                }
                (Hearing::Counts, b' ' | b'\r' | b'\n' | 0) | (Hearing::Done, _) => {}
                (Hearing::Counts, b'O') => {
                    self.hearing = Hearing::Letter;
                    self.keep(*byte);
                }
                (Hearing::Letter, b'K') => self.hearing = Hearing::Done,
                _ => {
                    self.hearing = Hearing::Complaint;
                    self.keep(*byte);
                }
            }
        }
        match self.hearing {
            Hearing::Counts | Hearing::Letter => Heard::Count(count),
            Hearing::Done => Heard::Done,
            Hearing::Complaint => Heard::Complaint,
        }
    }

    fn keep(&mut self, byte: u8) {
        // A device may send anything: what is not plain text is shown as a question mark.
        let plain = match byte {
            b'\r' | b'\n' | b'\t' => ' ',
            0x20..=0x7e => char::from(byte),
            _ => '?',
        };
        let _ = self.complaint.write_char(plain);
    }

    /// The device's words, at most [`MAX_COMPLAINT`] characters of printable ASCII; empty when it did not complain.
    pub fn complaint(&self) -> &str {
        match self.hearing {
            Hearing::Complaint => self.complaint.as_str().trim(),
            _ => "",
        }
    }
}
