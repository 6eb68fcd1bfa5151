//! Reading a query (RFC 1035, section 4; RFC 6762, section 18).

use super::name;

/// Bytes of a packet's head.
pub(super) const HEAD: usize = 12;

/// Of the flags, those that must be 0 in a query: answer, opcode, and in a query also the result code.
const NOT_A_QUERY: u16 = 0b1111_1000_0000_1111;

/// The class of the Internet.
const CLASS_IN: u16 = 1;
/// Any class.
const CLASS_ANY: u16 = 255;
/// The upper bit of a question's class asks for an answer to the asker alone.
const UNICAST: u16 = 0x8000;
/// The upper bit of a record's class says that it replaces what was known.
const CACHE_FLUSH: u16 = 0x8000;

/// A packet that asks something.
#[derive(Debug, Clone, Copy)]
pub(super) struct Query<'p> {
    pub(super) packet: &'p [u8],
    pub(super) id: u16,
    questions: u16,
    answers: u16,
}

/// One question.
#[derive(Debug, Clone, Copy)]
pub(super) struct Question {
    /// Where the name lies.
    pub(super) name: usize,
    pub(super) kind: u16,
    pub(super) class: u16,
}

/// A record the asker has already.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    /// Where the owner's name lies.
    pub(super) name: usize,
    pub(super) kind: u16,
    /// Seconds it is good for.
    pub(super) ttl: u32,
    /// Where its data begins.
    pub(super) data: usize,
    /// Where its data ends, at most at the packet's end.
    pub(super) end: usize,
}

impl<'p> Query<'p> {
    /// This packet, if it is a query.
    pub(super) fn read(packet: &'p [u8]) -> Option<Self> {
        let flags = u16_at(packet, 2)?;
        let query = Self {
            packet,
            id: u16_at(packet, 0)?,
            questions: u16_at(packet, 4)?,
            answers: u16_at(packet, 6)?,
        };
        (packet.len() >= HEAD && flags & NOT_A_QUERY == 0).then_some(query)
    }

    /// The questions. They end where the packet breaks off.
    pub(super) fn questions(self) -> Questions<'p> {
        Questions {
            packet: self.packet,
            at: HEAD,
            left: self.questions,
        }
    }

    /// What the asker has already. Nothing where a question before it is broken.
    pub(super) fn known(self) -> KnownAnswers<'p> {
        let mut questions = self.questions();
        let whole = questions.by_ref().count() == usize::from(self.questions);
        KnownAnswers {
            packet: self.packet,
            at: questions.at,
            left: if whole { self.answers } else { 0 },
        }
    }
}

impl Question {
    /// Whether it is about the Internet's names.
    pub(super) const fn is_for_us(self) -> bool {
        matches!(self.class & !UNICAST, CLASS_IN | CLASS_ANY)
    }

    /// Whether the asker wants the answer sent to it alone.
    pub(super) const fn wants_unicast(self) -> bool {
        self.class & UNICAST != 0
    }
}

/// The questions of a packet.
#[derive(Debug, Clone)]
pub(super) struct Questions<'p> {
    packet: &'p [u8],
    at: usize,
    left: u16,
}

impl Iterator for Questions<'_> {
    type Item = Question;

    fn next(&mut self) -> Option<Question> {
        self.left = self.left.checked_sub(1)?;
        let name = self.at;
        let fields = name::end(self.packet, name)?;
        let question = Question {
            name,
            kind: u16_at(self.packet, fields)?,
            class: u16_at(self.packet, fields + 2)?,
        };
        self.at = fields + 4;
        Some(question)
    }
}

/// The records of a query's answer section.
#[derive(Debug, Clone)]
pub(super) struct KnownAnswers<'p> {
    packet: &'p [u8],
    at: usize,
    left: u16,
}

impl KnownAnswers<'_> {
    fn step(&mut self) -> Option<(Known, u16)> {
        self.left = self.left.checked_sub(1)?;
        let name = self.at;
        let fields = name::end(self.packet, name)?;
        let class = u16_at(self.packet, fields + 2)? & !CACHE_FLUSH;
        let high = u32::from(u16_at(self.packet, fields + 4)?);
        let low = u32::from(u16_at(self.packet, fields + 6)?);
        let data = fields + 10;
        let end = data + usize::from(u16_at(self.packet, fields + 8)?);
        self.packet.get(data..end)?;
        self.at = end;
        let known = Known {
            name,
            kind: u16_at(self.packet, fields)?,
            ttl: high << 16 | low,
            data,
            end,
        };
        Some((known, class))
    }
}

impl Iterator for KnownAnswers<'_> {
    type Item = Known;

    fn next(&mut self) -> Option<Known> {
        loop {
            let (known, class) = self.step()?;
            if class == CLASS_IN {
                return Some(known);
            }
        }
    }
}

fn u16_at(packet: &[u8], at: usize) -> Option<u16> {
    let bytes = packet.get(at..at.checked_add(2)?)?;
    Some(u16::from_be_bytes(bytes.try_into().ok()?))
}
