//! Walks an image from its first segment header to the end of the file, in whatever pieces it comes.
//!
//! The walk does no hashing: it stops where a digest of everything before is due and is given it.

use crate::bytes::array;
use crate::checksum::Checksum;
use crate::expect::Expect;
use crate::facts::Facts;
use crate::fault::{Fault, FaultCode, Value};
use crate::head::Head;
use crate::header::HEADER_SIZE;
use crate::segment::{SEGMENT_HEADER_SIZE, Segment, Segments};
use crate::signature::Digests;
use crate::tail::Tail;

/// The checksum is the last byte of a block of this many bytes.
const CHECKSUM_BLOCK: u32 = 16;

/// Length of the appended SHA-256 in bytes.
pub(crate) const HASH_SIZE: u32 = 32;

/// Where the walk is.
#[derive(Debug, Clone)]
enum Phase {
    SegmentHeader {
        read: u8,
    },
    SegmentData {
        left: u32,
    },
    /// Up to and with the checksum byte.
    Pad {
        left: u32,
    },
    Hash {
        read: u8,
    },
    Tail(Tail),
}

/// The digest the walk waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    /// SHA-256 of the image up to its checksum.
    Image,
    /// What a signature would cover: everything up to the signature sector.
    Signed,
}

/// The walk through an image whose head has passed the gate.
#[derive(Debug, Clone)]
pub(crate) struct Walk {
    at: u32,
    segments: Segments,
    segment_count: u8,
    checksum: Checksum,
    image_sha256: [u8; 32],
    /// Bytes of the field being read: a segment header or the appended hash.
    field: [u8; HASH_SIZE as usize],
    phase: Phase,
    due: Option<Due>,
}

impl Walk {
    /// Starts behind the image header.
    pub(crate) fn new(head: &Head) -> Walk {
        Walk {
            at: HEADER_SIZE as u32,
            segments: Segments::new(head.chip, head.mmu_page),
            segment_count: head.header.segment_count,
            checksum: Checksum::new(),
            image_sha256: [0; 32],
            field: [0; HASH_SIZE as usize],
            phase: Phase::SegmentHeader { read: 0 },
            due: None,
        }
    }

    /// The digest to be given before the next byte.
    pub(crate) fn due(&self) -> Option<Due> {
        self.due
    }

    /// Takes the start of `bytes` and says how much: at least one byte of what is not empty.
    pub(crate) fn feed(
        &mut self,
        bytes: &[u8],
        head: &Head,
        expect: &Expect,
    ) -> Result<usize, Fault> {
        let taken = match &mut self.phase {
            Phase::SegmentHeader { read } => {
                let taken = fill(&mut self.field, SEGMENT_HEADER_SIZE, read, bytes);
                self.at += taken as u32;
                if usize::from(*read) == SEGMENT_HEADER_SIZE {
                    self.begin_segment(head, expect)?;
                }
                taken
            }
            Phase::SegmentData { left } => {
                let data = bytes.get(..*left as usize).unwrap_or(bytes);
                self.checksum.update(data);
                *left -= data.len() as u32;
                self.at += data.len() as u32;
                if *left == 0 {
                    self.end_segment();
                }
                data.len()
            }
            Phase::Pad { left } => {
                let pad = bytes.get(..*left as usize).unwrap_or(bytes);
                *left -= pad.len() as u32;
                self.at += pad.len() as u32;
                if *left == 0 {
                    self.check_checksum(pad.last().copied().unwrap_or_default())?;
                }
                pad.len()
            }
            Phase::Hash { read } => {
                let taken = fill(&mut self.field, HASH_SIZE as usize, read, bytes);
                self.at += taken as u32;
                if u32::from(*read) == HASH_SIZE {
                    self.check_hash(head)?;
                }
                taken
            }
            Phase::Tail(tail) => {
                let taken = tail.feed(self.at, bytes)?;
                self.at = self.at.saturating_add(taken as u32);
                self.due = tail.digest_due(self.at).then_some(Due::Signed);
                taken
            }
        };
        Ok(taken)
    }

    fn begin_segment(&mut self, head: &Head, expect: &Expect) -> Result<(), Fault> {
        let header_offset = self.at - SEGMENT_HEADER_SIZE as u32;
        let bytes = array::<SEGMENT_HEADER_SIZE>(&self.field, 0);
        let index = self.segments.len() as u8;
        let segment = Segment::parse(bytes, index, header_offset, head.chip, head.mmu_page);
        segment.check(head.mmu_page)?;
        // ESP-IDF compares with the partition's size only after reading everything; by then a device has written it.
        let reach = pad_end(segment.end()).saturating_add(HASH_SIZE);
        expect.check_reach(header_offset, reach)?;
        self.segments.push(&segment);
        self.phase = Phase::SegmentData { left: segment.len };
        if segment.len == 0 {
            self.end_segment();
        }
        Ok(())
    }

    fn end_segment(&mut self) {
        self.phase = if self.segments.len() < usize::from(self.segment_count) {
            Phase::SegmentHeader { read: 0 }
        } else {
            Phase::Pad {
                left: pad_end(self.at) - self.at,
            }
        };
    }

    fn check_checksum(&mut self, found: u8) -> Result<(), Fault> {
        let computed = self.checksum.value();
        if found != computed {
            return Err(Fault {
                code: FaultCode::ChecksumMismatch,
                offset: self.at - 1,
                found: Value::Byte(found),
                expected: Value::Byte(computed),
            });
        }
        self.phase = Phase::Hash { read: 0 };
        self.due = Some(Due::Image);
        Ok(())
    }

    /// Gives the SHA-256 of all up to the checksum.
    pub(crate) fn give_image_digest(&mut self, digest: [u8; 32]) {
        self.image_sha256 = digest;
        self.due = None;
    }

    /// Gives the digests of all up to the signature sector.
    pub(crate) fn give_signed_digests(&mut self, digests: Digests) {
        if let Phase::Tail(tail) = &mut self.phase {
            tail.begin_sector(digests);
        }
        self.due = None;
    }

    fn check_hash(&mut self, head: &Head) -> Result<(), Fault> {
        if self.field != self.image_sha256 {
            return Err(Fault {
                code: FaultCode::HashMismatch,
                offset: self.at - HASH_SIZE,
                found: Value::Digest(self.field),
                expected: Value::Digest(self.image_sha256),
            });
        }
        let tail = Tail::new(self.at, head.chip);
        self.due = tail.digest_due(self.at).then_some(Due::Signed);
        self.phase = Phase::Tail(tail);
        Ok(())
    }

    /// Where the image itself ends, if the walk has come so far.
    pub(crate) fn image_end(&self) -> Option<u32> {
        match &self.phase {
            Phase::Tail(tail) => Some(tail.image_end()),
            _ => None,
        }
    }

    /// The verdict at the end of the file.
    pub(crate) fn finish(&self, head: &Head, file_sha256: [u8; 32]) -> Result<Facts, Fault> {
        let least = match &self.phase {
            Phase::SegmentHeader { read } => {
                self.at - u32::from(*read) + SEGMENT_HEADER_SIZE as u32 + CHECKSUM_BLOCK + HASH_SIZE
            }
            Phase::SegmentData { left } => pad_end(self.at + left) + HASH_SIZE,
            Phase::Pad { left } => self.at + left + HASH_SIZE,
            Phase::Hash { read } => self.at - u32::from(*read) + HASH_SIZE,
            Phase::Tail(tail) => {
                return Ok(Facts {
                    head: *head,
                    size: self.at,
                    image_size: tail.image_end(),
                    segments: self.segments,
                    checksum: self.checksum.value(),
                    image_sha256: self.image_sha256,
                    file_sha256,
                    signature: tail.finish(self.at)?,
                });
            }
        };
        Err(Fault {
            code: FaultCode::Truncated,
            offset: self.at,
            found: Value::Bytes(self.at),
            expected: Value::AtLeast(least),
        })
    }
}

/// The first multiple of 16 that leaves room for the checksum byte after `len` bytes.
const fn pad_end(len: u32) -> u32 {
    len.saturating_add(CHECKSUM_BLOCK) & !(CHECKSUM_BLOCK - 1)
}

/// Copies into the first `len` bytes of `field`, of which `read` are there, and says how many came.
fn fill(field: &mut [u8], len: usize, read: &mut u8, bytes: &[u8]) -> usize {
    let room = field.get_mut(usize::from(*read)..len).unwrap_or_default();
    let taken = room.len().min(bytes.len());
    for (to, from) in room.iter_mut().zip(bytes) {
        *to = *from;
    }
    *read += taken as u8;
    taken
}
