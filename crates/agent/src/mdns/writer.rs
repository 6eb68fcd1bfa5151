//! Writing a packet, names compressed (RFC 1035, section 4.1.4).

use super::name::{self, Labels};
use super::query::HEAD;

/// How many places of names are remembered to point back to. A packet of ours has 13 different ones.
const PLACES: usize = 24;

/// The first offset no pointer reaches.
const OUT_OF_REACH: usize = 0x4000;

/// The upper bits of a pointer.
const POINTER: u16 = 0xC000;

/// Where the counts of questions, answers and additional records lie in the head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub(super) enum Section {
    Questions = 4,
    Answers = 6,
    Additional = 10,
}

/// A packet being written. What does not fit is `None`; [`Writer::entry`] leaves nothing of it behind.
#[derive(Debug)]
pub(super) struct Writer<'b> {
    packet: &'b mut [u8],
    at: usize,
    places: [u16; PLACES],
    known_places: usize,
}

impl<'b> Writer<'b> {
    /// An answer with this id.
    pub(super) fn new(packet: &'b mut [u8], id: u16) -> Option<Self> {
        /// It is an answer, and with authority.
        const FLAGS: u16 = 0x8400;
        let mut writer = Self {
            packet,
            at: 0,
            places: [0; PLACES],
            known_places: 0,
        };
        for field in [id, FLAGS, 0, 0, 0, 0] {
            writer.u16(field)?;
        }
        Some(writer)
    }

    /// Writes one question or record and counts it, or leaves the packet as it was.
    pub(super) fn entry(
        &mut self,
        section: Section,
        write: impl FnOnce(&mut Self) -> Option<()>,
    ) -> Option<()> {
        let (at, known_places) = (self.at, self.known_places);
        let written = write(self).and_then(|()| self.count(section));
        if written.is_none() {
            (self.at, self.known_places) = (at, known_places);
        }
        written
    }

    fn count(&mut self, section: Section) -> Option<()> {
        let at = section as usize;
        let count: &mut [u8; 2] = self.packet.get_mut(at..at + 2)?.try_into().ok()?;
        *count = u16::from_be_bytes(*count).checked_add(1)?.to_be_bytes();
        Some(())
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) -> Option<()> {
        let end = self.at.checked_add(bytes.len())?;
        self.packet.get_mut(self.at..end)?.copy_from_slice(bytes);
        self.at = end;
        Some(())
    }

    pub(super) fn u16(&mut self, value: u16) -> Option<()> {
        self.bytes(&value.to_be_bytes())
    }

    pub(super) fn u32(&mut self, value: u32) -> Option<()> {
        self.bytes(&value.to_be_bytes())
    }

    /// A text behind its length in one byte; a label or a part of a TXT record.
    pub(super) fn text(&mut self, parts: &[&[u8]]) -> Option<()> {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        self.bytes(&[u8::try_from(length).ok()?])?;
        parts.iter().try_for_each(|part| self.bytes(part))
    }

    /// A name, pointing back to what of it lies in the packet already.
    pub(super) fn name(&mut self, labels: &[&[u8]]) -> Option<()> {
        let mut rest = labels;
        while let [label, after @ ..] = rest {
            if let Some(place) = self.place(rest) {
                return self.u16(POINTER | place);
            }
            self.remember();
            self.text(&[label])?;
            rest = after;
        }
        self.bytes(&[0])
    }

    /// A name in full.
    pub(super) fn whole_name(&mut self, labels: &[&[u8]]) -> Option<()> {
        labels.iter().try_for_each(|label| self.text(&[label]))?;
        self.bytes(&[0])
    }

    /// A name as it lies in another packet, in full.
    pub(super) fn copied_name(&mut self, packet: &[u8], offset: usize) -> Option<()> {
        let mut labels = Labels::new(packet, offset);
        labels.by_ref().try_for_each(|label| self.text(&[label]))?;
        if labels.broken {
            return None;
        }
        self.bytes(&[0])
    }

    /// What `write` writes, behind its length in two bytes.
    pub(super) fn counted(&mut self, write: impl FnOnce(&mut Self) -> Option<()>) -> Option<()> {
        let start = self.at;
        self.u16(0)?;
        write(self)?;
        let length = u16::try_from(self.at - start - 2).ok()?;
        self.packet
            .get_mut(start..start + 2)?
            .copy_from_slice(&length.to_be_bytes());
        Some(())
    }

    /// The packet's bytes; 0 if there is nothing in it but its head.
    pub(super) fn finish(self) -> usize {
        if self.at == HEAD { 0 } else { self.at }
    }

    fn place(&self, labels: &[&[u8]]) -> Option<u16> {
        let written = self.packet.get(..self.at)?;
        let mut known = self.places.get(..self.known_places)?.iter().copied();
        known.find(|place| name::are_at(labels, written, usize::from(*place)))
    }

    fn remember(&mut self) {
        if self.at >= OUT_OF_REACH {
            return;
        }
        if let Some(place) = self.places.get_mut(self.known_places) {
            *place = self.at as u16;
            self.known_places += 1;
        }
    }
}
