//! The last update events, kept in flash: what a device says of itself when somebody stands before it.
//!
//! One NVS string an event in the namespace `updlog`, at the key of its number modulo [`ENTRIES`]. A log that
//! cannot be written never stops an update.

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use updraft_protocol::ReasonCode;

use crate::words::plain;

/// How many events are kept.
pub const ENTRIES: u32 = 32;

/// Most bytes of an event's text: with its end, four NVS entries of 32 bytes beside their head, so that the whole log
/// takes 160 of the 504 entries of the usual 20 KiB partition.
pub const MAX_ENTRY: usize = 127;

pub(crate) const NAMESPACE: &str = "updlog";

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LogEvent {
    /// An update began.
    Begun,
    /// An update did not work.
    Failed,
    /// An update was verified and boots next.
    Activated,
    /// The new app was confirmed after its stability window.
    Confirmed,
    /// The new app, or the new web assets, were confirmed by hand.
    ConfirmedByHand,
    /// The new app got one more boot.
    Rearmed,
    /// The new app is gone again.
    RolledBack,
    /// Somebody had the device go back.
    RolledBackByHand,
    /// The bootloader started another slot than the records name.
    Fallback,
    /// A slot would not take what was written, and another one was taken.
    SlotFailed,
}

impl LogEvent {
    const ALL: [Self; 10] = [
        Self::Begun,
        Self::Failed,
        Self::Activated,
        Self::Confirmed,
        Self::ConfirmedByHand,
        Self::Rearmed,
        Self::RolledBack,
        Self::RolledBackByHand,
        Self::Fallback,
        Self::SlotFailed,
    ];

    /// The word in the log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Begun => "begun",
            Self::Failed => "failed",
            Self::Activated => "activated",
            Self::Confirmed => "confirmed",
            Self::ConfirmedByHand => "confirmed_by_hand",
            Self::Rearmed => "rearmed",
            Self::RolledBack => "rolled_back",
            Self::RolledBackByHand => "rolled_back_by_hand",
            Self::Fallback => "fallback",
            Self::SlotFailed => "slot_failed",
        }
    }
}

/// One event of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// Counts all events of the device's life, from 0.
    pub number: u32,
    /// Unix time in seconds, if the device knew it.
    pub time: Option<i64>,
    /// Seconds since boot.
    pub uptime_seconds: u32,
    /// What happened.
    pub event: LogEvent,
    /// To what: a slot, and a version where one is known.
    pub subject: String,
    /// Why, if something went wrong.
    pub reason: Option<ReasonCode>,
    /// Why, in words, as far as they fit.
    pub detail: String,
}

impl LogEntry {
    /// The key it is kept at.
    pub(crate) fn key(number: u32) -> String {
        format!("{}", number % ENTRIES)
    }

    /// As it is kept. Tabs separate the fields, and nothing else holds one.
    pub(crate) fn to_text(&self) -> String {
        let time = self.time.map_or_else(String::new, |time| format!("{time}"));
        let reason = self.reason.map_or("", ReasonCode::as_str);
        let text = format!(
            "{}\t{time}\t{}\t{}\t{}\t{reason}\t",
            self.number,
            self.uptime_seconds,
            self.event.as_str(),
            plain(&self.subject, MAX_SUBJECT),
        );
        let room = MAX_ENTRY.saturating_sub(text.len());
        text + &plain(&self.detail, room)
    }

    /// What [`Self::to_text`] made; nothing of anything else.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let fields: Vec<&str> = text.splitn(7, '\t').collect();
        let [number, time, uptime, event, subject, reason, detail] = fields.as_slice() else {
            return None;
        };
        Some(Self {
            number: number.parse().ok()?,
            time: time.parse().ok(),
            uptime_seconds: uptime.parse().ok()?,
            event: LogEvent::ALL
                .into_iter()
                .find(|known| known.as_str() == *event)?,
            subject: (*subject).to_owned(),
            reason: reason.parse().ok().filter(|_| !reason.is_empty()),
            detail: (*detail).to_owned(),
        })
    }
}

/// Most bytes of a subject: `ota_15` and a version of ordinary length.
const MAX_SUBJECT: usize = 24;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_entry_fits_and_reads_back() {
        let entry = LogEntry {
            number: u32::MAX,
            time: Some(i64::from(u32::MAX)),
            uptime_seconds: u32::MAX,
            event: LogEvent::RolledBackByHand,
            subject: "s".repeat(100),
            reason: Some(ReasonCode::SecureVersionTooLow),
            detail: "d\tü".repeat(100),
        };
        let text = entry.to_text();
        assert!(text.len() <= MAX_ENTRY, "{}: {text}", text.len());
        let read = LogEntry::parse(&text).expect("it reads back");
        assert_eq!(read.number, entry.number);
        assert_eq!(read.reason, entry.reason);
        assert_eq!(read.subject.len(), MAX_SUBJECT);
    }
}
