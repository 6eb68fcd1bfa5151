//! The records of a device: whose they are, what they say, and for how long.

use super::advertisement::{Advertisement, Service};
use super::name::Name;
use super::query::Known;
use super::writer::{Section, Writer};

/// Seconds a record with a host's name in it is good for (RFC 6762, section 10).
const HOST_TTL: u32 = 120;
/// Seconds any other record is good for.
const OTHER_TTL: u32 = 75 * 60;
/// Most seconds a plain resolver may keep a record (RFC 6762, section 6.7).
const LEGACY_TTL: u32 = 10;

/// An IPv4 address.
const A: u16 = 1;
/// Another name.
const PTR: u16 = 12;
/// Texts.
const TXT: u16 = 16;
/// A host and a port.
const SRV: u16 = 33;
/// Which types a name has.
const NSEC: u16 = 47;
/// A question for all types.
pub(super) const ANY: u16 = 255;

const CLASS_IN: u16 = 1;
/// The record replaces what was known under its name and type.
const CACHE_FLUSH: u16 = 0x8000;

/// One record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Record {
    /// From the list of services to a service.
    Listed(Service),
    /// From a service to this device's instance of it.
    Offered(Service),
    /// Where an instance is.
    Where(Service),
    /// What there is to know of an instance.
    About(Service),
    /// The host's address.
    Address,
    /// An instance has no other types.
    OnlyInstance(Service),
    /// The host has no other types, so no IPv6 address.
    OnlyHost,
}

/// How a packet is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// To those who speak mDNS.
    Usual,
    /// To a plain resolver: short-lived, no bits it does not know.
    Legacy,
    /// The record is no longer true.
    Goodbye,
}

impl Record {
    /// All of them, in the order they are sent.
    pub(super) const ALL: [Self; 17] = {
        use Service::{Arduino, Http, Ota};
        [
            Self::Listed(Http),
            Self::Listed(Ota),
            Self::Listed(Arduino),
            Self::Offered(Http),
            Self::Offered(Ota),
            Self::Offered(Arduino),
            Self::Where(Http),
            Self::Where(Ota),
            Self::Where(Arduino),
            Self::About(Http),
            Self::About(Ota),
            Self::About(Arduino),
            Self::Address,
            Self::OnlyInstance(Http),
            Self::OnlyInstance(Ota),
            Self::OnlyInstance(Arduino),
            Self::OnlyHost,
        ]
    };

    pub(super) const fn kind(self) -> u16 {
        match self {
            Self::Listed(_) | Self::Offered(_) => PTR,
            Self::Where(_) => SRV,
            Self::About(_) => TXT,
            Self::Address => A,
            Self::OnlyInstance(_) | Self::OnlyHost => NSEC,
        }
    }

    /// Whether other devices have records under the same name and type.
    pub(super) const fn is_shared(self) -> bool {
        matches!(self, Self::Listed(_) | Self::Offered(_))
    }

    /// The record's owner.
    pub(super) fn owner<'a>(self, device: &Advertisement<'a>) -> Name<'a> {
        match self {
            Self::Listed(_) => Name::services(),
            Self::Offered(service) => Name::kind(service),
            Self::Where(service) | Self::About(service) | Self::OnlyInstance(service) => {
                Name::instance(device, service)
            }
            Self::Address | Self::OnlyHost => Name::host(device),
        }
    }

    const fn ttl(self) -> u32 {
        match self {
            Self::Where(_) | Self::Address | Self::OnlyHost => HOST_TTL,
            _ => OTHER_TTL,
        }
    }

    /// Writes the record.
    pub(super) fn write(
        self,
        device: &Advertisement<'_>,
        manner: Manner,
        section: Section,
        to: &mut Writer<'_>,
    ) -> Option<()> {
        let legacy = manner == Manner::Legacy;
        let replaces = !self.is_shared() && !legacy;
        let ttl = match manner {
            Manner::Usual => self.ttl(),
            Manner::Legacy => self.ttl().min(LEGACY_TTL),
            Manner::Goodbye => 0,
        };
        to.entry(section, |to| {
            to.name(self.owner(device).labels())?;
            to.u16(self.kind())?;
            to.u16(CLASS_IN | if replaces { CACHE_FLUSH } else { 0 })?;
            to.u32(ttl)?;
            to.counted(|to| self.write_data(device, legacy, to))
        })
    }

    fn write_data(
        self,
        device: &Advertisement<'_>,
        legacy: bool,
        to: &mut Writer<'_>,
    ) -> Option<()> {
        match self {
            Self::Listed(service) => to.name(Name::kind(service).labels()),
            Self::Offered(service) => to.name(Name::instance(device, service).labels()),
            Self::Where(service) => {
                to.bytes(&[0; 4])?; // priority and weight
                to.u16(device.port(service))?;
                let host = Name::host(device);
                if legacy {
                    to.whole_name(host.labels())
                } else {
                    to.name(host.labels())
                }
            }
            Self::About(service) => device
                .txt(service)
                .try_for_each(|(key, value)| to.text(&[key.as_bytes(), b"=", value.as_bytes()])),
            Self::Address => to.bytes(&device.ipv4.octets()),
            Self::OnlyInstance(_) | Self::OnlyHost => {
                to.name(self.owner(device).labels())?;
                to.bytes(self.types())
            }
        }
    }

    /// The types its name has, as NSEC says it (RFC 4034, section 4.1.2): window 0, its length, a bit each.
    const fn types(self) -> &'static [u8] {
        match self {
            Self::OnlyHost => &[0, 1, 0x40],
            // 16, TXT, and 33, SRV
            _ => &[0, 5, 0, 0, 0x80, 0, 0x40],
        }
    }

    /// Whether the asker has this record, for at least half the time it is good for (RFC 6762, section 7.1).
    pub(super) fn is_known(self, device: &Advertisement<'_>, packet: &[u8], known: &Known) -> bool {
        known.kind == self.kind()
            && known.ttl >= self.ttl() / 2
            && self.owner(device).is_at(packet, known.name)
            && self.has_data(device, packet, known)
    }

    fn has_data(self, device: &Advertisement<'_>, packet: &[u8], known: &Known) -> bool {
        let data = packet.get(known.data..known.end).unwrap_or_default();
        // A name is read in the whole packet, because it may point back.
        let upto = packet.get(..known.end).unwrap_or_default();
        match self {
            Self::Listed(service) => Name::kind(service).is_at(upto, known.data),
            Self::Offered(service) => Name::instance(device, service).is_at(upto, known.data),
            Self::Where(service) => {
                let [high, low] = device.port(service).to_be_bytes();
                data.starts_with(&[0, 0, 0, 0, high, low])
                    && Name::host(device).is_at(upto, known.data + 6)
            }
            Self::About(service) => {
                let mut rest = data;
                let same = device.txt(service).all(|(key, value)| {
                    take(&mut rest, &[(key.len() + 1 + value.len()) as u8])
                        && take(&mut rest, key.as_bytes())
                        && take(&mut rest, b"=")
                        && take(&mut rest, value.as_bytes())
                });
                same && rest.is_empty()
            }
            Self::Address => data == device.ipv4.octets(),
            // Nobody is known to send these; answering once too often costs a few bytes.
            Self::OnlyInstance(_) | Self::OnlyHost => false,
        }
    }
}

/// Takes this beginning off, if it is there.
fn take(rest: &mut &[u8], beginning: &[u8]) -> bool {
    let Some(after) = rest.strip_prefix(beginning) else {
        return false;
    };
    *rest = after;
    true
}
