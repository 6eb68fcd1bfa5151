//! Names: ours as labels, others' as they lie in a packet (RFC 1035, sections 3.1 and 4.1.4).

use super::advertisement::{Advertisement, Service};

/// Most bytes of a label (RFC 1035, section 2.3.4).
pub(super) const MAX_LABEL: usize = 63;

/// Most labels of a name: 255 bytes, two for each and one at the end.
const MAX_LABELS: usize = 127;

/// Most pointers followed in one name. Who compresses well needs one; more only cost time.
const MAX_POINTERS: usize = 16;

/// Most labels of a name of ours: `INSTANCE._ota._tcp.local`.
const OUR_LABELS: usize = 4;

/// The two upper bits of a length byte: set for a pointer.
const POINTER: u8 = 0xC0;

/// A name of ours.
#[derive(Debug, Clone, Copy)]
pub(super) struct Name<'a> {
    labels: [&'a [u8]; OUR_LABELS],
    length: usize,
}

impl<'a> Name<'a> {
    fn new<const N: usize>(labels: [&'a [u8]; N]) -> Self {
        const { assert!(N <= OUR_LABELS) };
        let mut all: [&[u8]; OUR_LABELS] = [b""; OUR_LABELS];
        for (to, label) in all.iter_mut().zip(labels) {
            *to = label;
        }
        Self {
            labels: all,
            length: N,
        }
    }

    /// `HOST.local`
    pub(super) fn host(device: &Advertisement<'a>) -> Self {
        Self::new([device.host_label(), b"local"])
    }

    /// `_services._dns-sd._udp.local` (RFC 6763, section 9)
    pub(super) fn services() -> Self {
        Self::new([b"_services", b"_dns-sd", b"_udp", b"local"])
    }

    /// `_ota._tcp.local`
    pub(super) fn kind(service: Service) -> Self {
        Self::new([service.label(), b"_tcp", b"local"])
    }

    /// `INSTANCE._ota._tcp.local`
    pub(super) fn instance(device: &Advertisement<'a>, service: Service) -> Self {
        Self::new([device.instance_label(), service.label(), b"_tcp", b"local"])
    }

    pub(super) fn labels(&self) -> &[&'a [u8]] {
        self.labels.get(..self.length).unwrap_or_default()
    }

    /// Whether this name lies at `offset` of a packet, upper and lower case alike.
    pub(super) fn is_at(&self, packet: &[u8], offset: usize) -> bool {
        are_at(self.labels(), packet, offset)
    }
}

/// Whether these labels, and no more, lie at `offset` of a packet.
pub(super) fn are_at(labels: &[&[u8]], packet: &[u8], offset: usize) -> bool {
    let mut theirs = Labels::new(packet, offset);
    for ours in labels {
        match theirs.next() {
            Some(label) if label.eq_ignore_ascii_case(ours) => {}
            _ => return false,
        }
    }
    theirs.next().is_none() && !theirs.broken
}

/// The labels of a name in a packet. A pointer may only point back, before all the name has passed: what a
/// hostile packet says ends.
#[derive(Debug, Clone)]
pub(super) struct Labels<'p> {
    packet: &'p [u8],
    at: usize,
    /// Pointers must point before this.
    before: usize,
    left: usize,
    pointers_left: usize,
    /// The name breaks off or goes in circles.
    pub(super) broken: bool,
}

impl<'p> Labels<'p> {
    pub(super) fn new(packet: &'p [u8], offset: usize) -> Self {
        Self {
            packet,
            at: offset,
            before: offset,
            left: MAX_LABELS,
            pointers_left: MAX_POINTERS,
            broken: false,
        }
    }

    /// The next label; `None` at the root. An error where the packet is not a name.
    fn step(&mut self) -> Result<Option<&'p [u8]>, ()> {
        loop {
            let length = *self.packet.get(self.at).ok_or(())?;
            match length {
                0 => return Ok(None),
                1..=63 => {
                    self.left = self.left.checked_sub(1).ok_or(())?;
                    let start = self.at + 1;
                    self.at = start + usize::from(length);
                    return self.packet.get(start..self.at).map(Some).ok_or(());
                }
                POINTER.. => {
                    let low = *self.packet.get(self.at + 1).ok_or(())?;
                    let target = usize::from(u16::from_be_bytes([length & !POINTER, low]));
                    if target >= self.before {
                        return Err(());
                    }
                    self.pointers_left = self.pointers_left.checked_sub(1).ok_or(())?;
                    self.before = target;
                    self.at = target;
                }
                _ => return Err(()),
            }
        }
    }
}

impl<'p> Iterator for Labels<'p> {
    type Item = &'p [u8];

    fn next(&mut self) -> Option<&'p [u8]> {
        if self.broken {
            return None;
        }
        self.step().unwrap_or_else(|()| {
            self.broken = true;
            None
        })
    }
}

/// Where what follows the name at `offset` begins.
pub(super) fn end(packet: &[u8], offset: usize) -> Option<usize> {
    let mut at = offset;
    loop {
        match *packet.get(at)? {
            0 => return Some(at + 1),
            length @ 1..=63 => at += 1 + usize::from(length),
            POINTER.. => return packet.get(at + 1).map(|_| at + 2),
            _ => return None,
        }
    }
}
