//! What can be seen of a chip from outside.

use std::fmt;

use updraft_flash::slot::AppSlot;

/// Why a chip began anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResetCause {
    /// Power came on.
    Power,
    /// The program asked for it.
    Software,
    /// The main watchdog of this timer group, 0 or 1, was not fed.
    Watchdog {
        /// 0 or 1.
        group: u8,
    },
}

impl fmt::Display for ResetCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Power => f.write_str("power on"),
            Self::Software => f.write_str("software reset"),
            Self::Watchdog { group } => write!(f, "watchdog of timer group {group}"),
        }
    }
}

/// What happened, in the order it happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The chip begins anew.
    Reset(ResetCause),
    /// The bootloader chose an app and starts it.
    Boot {
        /// Where the app lies.
        slot: AppSlot,
        /// What the bootloader decided, step by step, for people.
        log: Vec<String>,
    },
    /// The program sent these bytes over the serial line. They end anywhere.
    Serial(Vec<u8>),
    /// The program sent a whole line, without its end. It comes after the [`Event::Serial`] that
    /// ends it; bytes that are no UTF-8 are replaced.
    Line(String),
}
