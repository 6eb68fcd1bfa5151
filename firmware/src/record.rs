//! What one boot tells the next: that it ran, that it restarted on purpose, or that it panicked and with which words.
//!
//! It lies in RTC memory, which a reset leaves alone and a loss of power does not. The chip's own register knows a panic
//! only as a software reset, and Espressif's QEMU says "power on" after every reset.

use core::fmt::{self, Write as _};
use core::panic::PanicInfo;

/// "Updr", so that whatever the memory holds after power-on is not taken for a record.
const MAGIC: u32 = 0x5570_6472;
/// Bytes kept of a panic: where it was, and what it said.
const TEXT: usize = 160;
/// Bytes kept of what it said.
const MESSAGE: usize = 100;

const RUNNING: u32 = 1;
const RESTARTING: u32 = 2;
const PANICKED: u32 = 3;

#[derive(Clone, Copy)]
#[repr(C)]
struct Record {
    magic: u32,
    state: u32,
    length: u32,
    text: [u8; TEXT],
    checksum: u32,
}

unsafe extern "C" {
    /// The record's place, from `record.x`.
    static mut updraft_record: Record;
}

/// How the last boot ended, by its own account.
pub enum Last {
    /// Nobody wrote anything: the power was off.
    Unknown,
    /// It ran, and something else ended it.
    Running,
    /// It restarted on purpose.
    Restarting,
    /// It panicked.
    Panicked(Text),
}

/// A panic's place and words, cut to what is kept of them.
#[derive(Clone, Copy)]
pub struct Text {
    bytes: [u8; TEXT],
    length: usize,
}

impl Text {
    const EMPTY: Self = Self {
        bytes: [0; TEXT],
        length: 0,
    };

    /// The text; empty if it is none.
    pub fn as_str(&self) -> &str {
        let bytes = self.bytes.get(..self.length).unwrap_or_default();
        // A character that was cut in two at the end is left out.
        match core::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(fault) => core::str::from_utf8(&bytes[..fault.valid_up_to()]).unwrap_or_default(),
        }
    }
}

/// Takes as much as there is room for, and drops the rest.
struct Cut<'t> {
    text: &'t mut Text,
    end: usize,
}

impl fmt::Write for Cut<'_> {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        let end = self.end.min(TEXT);
        let room = self.text.bytes.get_mut(self.text.length..end);
        for (to, from) in room.unwrap_or_default().iter_mut().zip(more.bytes()) {
            *to = from;
            self.text.length += 1;
        }
        Ok(())
    }
}

impl Record {
    fn new(state: u32, text: &Text) -> Self {
        let record = Self {
            magic: MAGIC,
            state,
            length: text.length as u32,
            text: text.bytes,
            checksum: 0,
        };
        Self {
            checksum: record.sum(),
            ..record
        }
    }

    /// FNV-1a over everything but itself.
    fn sum(&self) -> u32 {
        let words = [self.magic, self.state, self.length];
        let head = words.iter().flat_map(|word| word.to_le_bytes());
        head.chain(self.text).fold(0x811c_9dc5, |sum, byte| {
            (sum ^ u32::from(byte)).wrapping_mul(0x0100_0193)
        })
    }

    fn read() -> Option<Self> {
        // SAFETY: the linker script keeps this place for it, every bit pattern is a Record, and nothing else runs while
        // it is read or written: at boot, in a panic, before a reset.
        let record = unsafe { (&raw const updraft_record).read_volatile() };
        (record.magic == MAGIC && record.checksum == record.sum()).then_some(record)
    }

    fn write(&self) {
        // SAFETY: as above.
        unsafe { (&raw mut updraft_record).write_volatile(*self) }
    }
}

/// Says how the last boot ended, and notes that this one runs.
pub fn begin() -> Last {
    let last = match Record::read() {
        None => Last::Unknown,
        Some(record) => match record.state {
            RESTARTING => Last::Restarting,
            PANICKED => Last::Panicked(Text {
                bytes: record.text,
                length: record.length as usize,
            }),
            _ => Last::Running,
        },
    };
    Record::new(RUNNING, &Text::EMPTY).write();
    last
}

/// Notes that the reset that follows is meant.
pub fn restarting() {
    Record::new(RESTARTING, &Text::EMPTY).write();
}

/// Notes a panic.
pub fn panicked(info: &PanicInfo<'_>) {
    let mut text = Text::EMPTY;
    let mut place = Cut {
        text: &mut text,
        end: TEXT - MESSAGE,
    };
    // Writing here never fails.
    if let Some(location) = info.location() {
        let _ = write!(place, "{}:{}: ", location.file(), location.line());
    }
    let mut message = Cut {
        text: &mut text,
        end: TEXT,
    };
    let _ = write!(message, "{}", info.message());
    Record::new(PANICKED, &text).write();
}
