//! Damage done to an image: described so that another program can do the same.

use proptest::prelude::*;
use proptest::sample::Index;
use sha2::{Digest, Sha256};
use updraft_image::{Expect, GATE_SIZE, HEADER_SIZE, SEGMENT_HEADER_SIZE, verify};

/// One way of damaging an image.
#[derive(Clone, Debug)]
pub(crate) enum Mutation {
    /// A byte of the header is changed.
    Header { at: Index, xor: u8, repair: bool },
    /// A byte of a segment's header is changed.
    SegmentHeader {
        segment: Index,
        at: Index,
        xor: u8,
        repair: bool,
    },
    /// A byte of the app descriptor is changed.
    Descriptor { at: Index, xor: u8, repair: bool },
    /// A byte anywhere is changed.
    Anywhere { at: Index, xor: u8 },
    /// Two bytes of the first segment are changed alike, which the checksum does not notice.
    Twice {
        first: Index,
        second: Index,
        xor: u8,
    },
    /// A byte of the pad, the checksum or the hash is changed.
    End { at: Index, xor: u8 },
    /// The file ends early.
    Cut { len: Index },
    /// The file ends within the last 64 bytes.
    CutEnd { missing: u8 },
    /// Bytes follow.
    Extended { by: Vec<u8> },
}

impl Mutation {
    /// The damaged image.
    pub(crate) fn apply(&self, image: &[u8]) -> Vec<u8> {
        let mut out = image.to_vec();
        let mut repaired = false;
        match self {
            Mutation::Header { at, xor, repair } => {
                out[at.index(HEADER_SIZE)] ^= xor;
                repaired = *repair;
            }
            Mutation::SegmentHeader {
                segment,
                at,
                xor,
                repair,
            } => {
                let facts = verify(image, Expect::new()).expect("a sound image");
                let segment = facts
                    .segments
                    .iter()
                    .nth(segment.index(facts.segments.len()));
                let start = segment.expect("a segment").offset as usize - SEGMENT_HEADER_SIZE;
                out[start + at.index(SEGMENT_HEADER_SIZE)] ^= xor;
                repaired = *repair;
            }
            Mutation::Descriptor { at, xor, repair } => {
                out[32 + at.index(GATE_SIZE - 32)] ^= xor;
                repaired = *repair;
            }
            Mutation::Anywhere { at, xor } => out[at.index(image.len())] ^= xor,
            Mutation::Twice { first, second, xor } => {
                let (first, second) = (32 + first.index(256), 32 + second.index(256));
                out[first] ^= xor;
                out[second] ^= xor;
            }
            Mutation::End { at, xor } => {
                let start = image.len() - 48;
                out[start + at.index(48)] ^= xor;
            }
            Mutation::Cut { len } => out.truncate(len.index(image.len())),
            Mutation::CutEnd { missing } => out.truncate(image.len() - usize::from(*missing)),
            Mutation::Extended { by } => out.extend(by),
        }
        if repaired {
            let end = out.len() - 32;
            let hash = Sha256::digest(&out[..end]);
            out[end..].copy_from_slice(&hash);
        }
        out
    }
}

/// Every kind of mutation, about equally often; with `repair`, the appended hash is made right again.
pub(crate) fn mutations() -> impl Strategy<Value = Mutation> {
    let index = any::<Index>;
    // A changed bit is the commonest damage; some fields need other values to be interesting.
    let xor = || prop_oneof![(0u32..8).prop_map(|bit| 1u8 << bit), 1u8..=255];
    prop_oneof![
        3 => (index(), xor(), any::<bool>())
            .prop_map(|(at, xor, repair)| Mutation::Header { at, xor, repair }),
        3 => (index(), index(), xor(), any::<bool>())
            .prop_map(|(segment, at, xor, repair)| Mutation::SegmentHeader { segment, at, xor, repair }),
        1 => (index(), xor(), any::<bool>())
            .prop_map(|(at, xor, repair)| Mutation::Descriptor { at, xor, repair }),
        1 => (index(), xor()).prop_map(|(at, xor)| Mutation::Anywhere { at, xor }),
        1 => (index(), index(), xor())
            .prop_map(|(first, second, xor)| Mutation::Twice { first, second, xor }),
        1 => (index(), xor()).prop_map(|(at, xor)| Mutation::End { at, xor }),
        1 => index().prop_map(|len| Mutation::Cut { len }),
        1 => (1u8..=64).prop_map(|missing| Mutation::CutEnd { missing }),
        1 => prop::collection::vec(any::<u8>(), 1..200).prop_map(|by| Mutation::Extended { by }),
    ]
}
