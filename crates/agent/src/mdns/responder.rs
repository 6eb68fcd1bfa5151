//! Answers.

use core::net::{IpAddr, SocketAddr};

use super::advertisement::{Advertisement, Service};
use super::query::{Query, Question};
use super::record::{ANY, Manner, Record};
use super::writer::{Section, Writer};
use super::{GROUP, PORT};

/// Makes packets for one device. Knows no socket and keeps nothing.
#[derive(Debug, Clone, Copy)]
pub struct Responder<'a> {
    device: Advertisement<'a>,
}

/// An answer to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reply {
    /// Bytes of the packet.
    pub len: usize,
    /// Where it goes: [`GROUP`], or back to the asker.
    pub to: SocketAddr,
    /// Others may answer the same at the same time: to be sent after a random 20 to 120 ms (RFC 6762, section 6).
    pub shared: bool,
}

/// Some of [`Record::ALL`], a bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Set(u32);

impl Set {
    const NONE: Self = Self(0);

    fn of(wanted: impl Fn(Record) -> bool) -> Self {
        let numbered = Record::ALL.into_iter().enumerate();
        Self(
            numbered
                .filter(|(_, record)| wanted(*record))
                .fold(0, |set, (number, _)| set | 1 << number),
        )
    }

    const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    fn records(self) -> impl Iterator<Item = Record> {
        let numbered = Record::ALL.into_iter().enumerate();
        numbered
            .filter(move |(number, _)| self.0 & 1 << number != 0)
            .map(|(_, record)| record)
    }
}

impl<'a> Responder<'a> {
    /// Speaks for this device.
    pub const fn new(device: Advertisement<'a>) -> Self {
        Self { device }
    }

    /// The answer to a packet that came from `from`, written into `reply`, of which
    /// [`MAX_PACKET`](super::MAX_PACKET) bytes are always enough for every record of the device. `None` where
    /// there is nothing to say: it asks for nothing of ours, the asker knows it already, it is no query, it
    /// comes from another network, or it is junk.
    ///
    /// What does not fit is left out; an asker that asks again names what it has got and is told the rest.
    pub fn answer(&self, query: &[u8], from: SocketAddr, reply: &mut [u8]) -> Option<Reply> {
        let IpAddr::V4(asker) = from.ip() else {
            return None;
        };
        if self.device.ipv4.is_unspecified() || !self.device.is_near(asker) {
            return None;
        }
        let query = Query::read(query)?;
        let legacy = from.port() != PORT;
        let (wanted, unicast) = self.asked(query);
        let known = if legacy { Set::NONE } else { self.known(query) };
        let answers = wanted.without(known);
        if answers == Set::NONE {
            return None;
        }
        let more = additional(answers).without(answers).without(known);

        let manner = if legacy {
            Manner::Legacy
        } else {
            Manner::Usual
        };
        let mut packet = Writer::new(reply, if legacy { query.id } else { 0 })?;
        if legacy {
            for question in query.questions() {
                if self.asked_by(question, query.packet) != Set::NONE {
                    repeat(question, query.packet, &mut packet)?;
                }
            }
        }
        self.write(answers, manner, Section::Answers, &mut packet)?;
        // Helpful, not needed.
        let _ = self.write(more, manner, Section::Additional, &mut packet);
        Some(Reply {
            len: packet.finish(),
            to: if legacy || unicast { from } else { GROUP },
            shared: !legacy && answers.records().any(Record::is_shared),
        })
    }

    /// The packet that tells everybody of the device, to be sent to [`GROUP`] twice, a second apart, after
    /// start and whenever the address has changed. Returns its bytes; 0 where the device has no address.
    pub fn announce(&self, packet: &mut [u8]) -> usize {
        let all = Set::of(|record| !matches!(record, Record::OnlyHost | Record::OnlyInstance(_)));
        self.unasked(all, Manner::Usual, packet)
    }

    /// The packet that tells everybody that the device is leaving, to be sent to [`GROUP`] before a reboot.
    /// Returns its bytes; 0 where the device has no address.
    pub fn goodbye(&self, packet: &mut [u8]) -> usize {
        // That there are services of these kinds is still true while others offer them.
        let own = Set::of(|record| {
            matches!(
                record,
                Record::Offered(_) | Record::Where(_) | Record::About(_) | Record::Address
            )
        });
        self.unasked(own, Manner::Goodbye, packet)
    }

    fn unasked(&self, records: Set, manner: Manner, packet: &mut [u8]) -> usize {
        if self.device.ipv4.is_unspecified() {
            return 0;
        }
        let Some(mut packet) = Writer::new(packet, 0) else {
            return 0;
        };
        // A buffer of MAX_PACKET always has the room; what does not fit a smaller one is asked for later.
        let _ = self.write(records, manner, Section::Answers, &mut packet);
        packet.finish()
    }

    /// Writes these records; `None` if not even the first fits.
    fn write(
        &self,
        records: Set,
        manner: Manner,
        section: Section,
        packet: &mut Writer<'_>,
    ) -> Option<()> {
        let mut written = None;
        for record in records.records() {
            if record
                .write(&self.device, manner, section, packet)
                .is_none()
            {
                break;
            }
            written = Some(());
        }
        written
    }

    /// What is asked for, and whether every question that is ours wants its answer sent to the asker alone.
    fn asked(&self, query: Query<'_>) -> (Set, bool) {
        let mut all = Set::NONE;
        let mut unicast = true;
        for question in query.questions() {
            let answers = self.asked_by(question, query.packet);
            if answers != Set::NONE {
                unicast &= question.wants_unicast();
            }
            all = all.with(answers);
        }
        (all, unicast)
    }

    /// What of the device's answers this question; a negative record where there is nothing else.
    fn asked_by(&self, question: Question, packet: &[u8]) -> Set {
        if !question.is_for_us() {
            return Set::NONE;
        }
        let named = Set::of(|record| record.owner(&self.device).is_at(packet, question.name));
        let only = Set::of(|record| matches!(record, Record::OnlyHost | Record::OnlyInstance(_)));
        let positive =
            Set::of(|record| matches!(question.kind, ANY) || question.kind == record.kind());
        let found = Set(named.0 & positive.0);
        if found.without(only) != Set::NONE {
            return found.without(only);
        }
        // The name is ours, the type is not there, and nobody else can know better.
        Set(named.0 & only.0)
    }

    fn known(&self, query: Query<'_>) -> Set {
        query.known().fold(Set::NONE, |set, known| {
            set.with(Set::of(|record| {
                record.is_known(&self.device, query.packet, &known)
            }))
        })
    }
}

/// What is asked for next, once these answers are there (RFC 6763, section 12).
fn additional(answers: Set) -> Set {
    answers.records().fold(Set::NONE, |set, record| {
        set.with(match record {
            Record::Offered(service) => Set::of(|record| follows(record, service)),
            Record::Where(_) => {
                Set::of(|record| matches!(record, Record::Address | Record::OnlyHost))
            }
            Record::Address => Set::of(|record| record == Record::OnlyHost),
            _ => Set::NONE,
        })
    })
}

fn follows(record: Record, service: Service) -> bool {
    match record {
        Record::Where(of) | Record::About(of) => of == service,
        Record::Address | Record::OnlyHost => true,
        _ => false,
    }
}

/// A plain resolver finds its question again in the answer (RFC 6762, section 6.7).
fn repeat(question: Question, packet: &[u8], to: &mut Writer<'_>) -> Option<()> {
    to.entry(Section::Questions, |to| {
        to.copied_name(packet, question.name)?;
        to.u16(question.kind)?;
        to.u16(question.class)
    })
}
