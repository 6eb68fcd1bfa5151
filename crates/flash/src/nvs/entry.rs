//! One entry: 32 bytes, on flash as below. Source: ESP-IDF `nvs_types.hpp`, `nvs_types.cpp`.
//!
//! ```text
//! 0 namespace | 1 kind | 2 span | 3 chunk | 4 CRC-32 of bytes 0..4 and 8..32 | 8 key, NUL-padded | 24 data
//! data of a number: little-endian, rest FF
//! data of text, a blob chunk or a version 1 blob: size u16, FFFF, CRC-32 of the payload
//! data of a blob index: size u32, chunks u8, first chunk u8, FFFF
//! ```

use super::crc::Crc;
use super::name::Name;
use super::namespaces::NAMESPACES;
use super::page::ENTRY_COUNT;

/// Bytes of an entry, and of each further piece of its payload.
pub(super) const ENTRY_SIZE: usize = 32;
/// The longest payload of one item: a whole page but for the entry itself.
pub(super) const PAYLOAD_MAX: usize = (ENTRY_COUNT - 1) * ENTRY_SIZE;
/// The chunk number of everything that is not a chunk of a blob.
pub(super) const NOT_A_CHUNK: u8 = 0xFF;
/// The second of the two first-chunk numbers a blob alternates between; the other is zero.
pub(super) const SECOND_VERSION: u8 = 0x80;

/// What an entry holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[expect(missing_docs, reason = "the numbers say what they are")]
pub enum Kind {
    U8 = 0x01,
    U16 = 0x02,
    U32 = 0x04,
    U64 = 0x08,
    I8 = 0x11,
    I16 = 0x12,
    I32 = 0x14,
    I64 = 0x18,
    /// Written by newer ESP-IDF only; read with [`get_raw`](super::Nvs::get_raw).
    Float = 0x24,
    /// Written by newer ESP-IDF only; read with [`get_raw`](super::Nvs::get_raw).
    Double = 0x28,
    /// Text, at most 3,999 bytes and a NUL.
    Text = 0x21,
    /// A blob in one piece, as ESP-IDF before 3.3 wrote it. Read, never written.
    OldBlob = 0x41,
    /// A piece of a blob. Never listed.
    Chunk = 0x42,
    /// A blob: the entry that says which chunks make it up.
    Blob = 0x48,
}

impl Kind {
    pub(super) fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            0x01 => Self::U8,
            0x02 => Self::U16,
            0x04 => Self::U32,
            0x08 => Self::U64,
            0x11 => Self::I8,
            0x12 => Self::I16,
            0x14 => Self::I32,
            0x18 => Self::I64,
            0x24 => Self::Float,
            0x28 => Self::Double,
            0x21 => Self::Text,
            0x41 => Self::OldBlob,
            0x42 => Self::Chunk,
            0x48 => Self::Blob,
            _ => return None,
        })
    }

    /// Whether the payload follows the entry, rather than being inside it.
    pub(super) fn has_payload(self) -> bool {
        matches!(self, Self::Text | Self::OldBlob | Self::Chunk)
    }

    /// Bytes of a number of this kind; `None` for what is not a number.
    pub(super) fn width(self) -> Option<usize> {
        match self {
            Self::Text | Self::OldBlob | Self::Chunk | Self::Blob => None,
            number => Some(usize::from(number as u8 & 0x0F)),
        }
    }
}

/// Whether `chunk` belongs to the version of a blob whose chunks start at `start`.
pub(super) fn same_version(start: u8, chunk: u8) -> bool {
    let end = if start == 0 {
        SECOND_VERSION
    } else {
        NOT_A_CHUNK
    };
    (start..end).contains(&chunk)
}

/// An item's entry as it is on flash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Item([u8; ENTRY_SIZE]);

impl Item {
    pub(super) fn from_bytes(bytes: [u8; ENTRY_SIZE]) -> Self {
        Self(bytes)
    }

    pub(super) fn bytes(&self) -> &[u8; ENTRY_SIZE] {
        &self.0
    }

    /// A number: `data` is little-endian and padded with FF.
    pub(super) fn number(ns: u8, kind: Kind, key: Name, data: [u8; 8]) -> Self {
        Self::sealed(ns, kind, 1, NOT_A_CHUNK, key, data)
    }

    /// The entry before a payload of at most [`PAYLOAD_MAX`] bytes given in two parts.
    pub(super) fn payload(ns: u8, kind: Kind, key: Name, chunk: u8, parts: [&[u8]; 2]) -> Self {
        let size = parts[0].len() + parts[1].len();
        let [s0, s1] = (size as u16).to_le_bytes();
        let [c0, c1, c2, c3] = Crc::default()
            .update(parts[0])
            .update(parts[1])
            .finish()
            .to_le_bytes();
        let span = 1 + size.div_ceil(ENTRY_SIZE) as u8;
        Self::sealed(
            ns,
            kind,
            span,
            chunk,
            key,
            [s0, s1, 0xFF, 0xFF, c0, c1, c2, c3],
        )
    }

    /// The entry that makes written chunks a blob.
    pub(super) fn blob_index(ns: u8, key: Name, size: u32, count: u8, start: u8) -> Self {
        let [s0, s1, s2, s3] = size.to_le_bytes();
        Self::sealed(
            ns,
            Kind::Blob,
            1,
            NOT_A_CHUNK,
            key,
            [s0, s1, s2, s3, count, start, 0xFF, 0xFF],
        )
    }

    fn sealed(ns: u8, kind: Kind, span: u8, chunk: u8, key: Name, data: [u8; 8]) -> Self {
        let mut bytes = [0; ENTRY_SIZE];
        bytes[..4].copy_from_slice(&[ns, kind as u8, span, chunk]);
        bytes[8..24].copy_from_slice(&key.to_entry());
        bytes[24..].copy_from_slice(&data);
        let mut item = Self(bytes);
        let crc = item.computed_crc();
        item.0[4..8].copy_from_slice(&crc.to_le_bytes());
        item
    }

    pub(super) fn ns(&self) -> u8 {
        self.0[0]
    }

    /// The kind; only ever `None` in an entry that is not [consistent](Self::is_consistent).
    pub(super) fn kind(&self) -> Option<Kind> {
        Kind::from_byte(self.0[1])
    }

    /// The number of the chunk, or [`NOT_A_CHUNK`].
    pub(super) fn chunk(&self) -> u8 {
        if self.kind() == Some(Kind::Chunk) {
            self.0[3]
        } else {
            NOT_A_CHUNK
        }
    }

    /// Whether this is the entry a key is found by, in namespace `ns`: not a chunk.
    pub(super) fn is_head_of(&self, ns: u8, key: Name) -> bool {
        self.ns() == ns && self.chunk() == NOT_A_CHUNK && self.key() == key
    }

    /// Whether this is a chunk of a blob, of any version of it.
    pub(super) fn is_chunk_of(&self, ns: u8, key: Name) -> bool {
        self.ns() == ns && self.chunk() != NOT_A_CHUNK && self.key() == key
    }

    pub(super) fn key(&self) -> Name {
        let mut field = [0; 16];
        field.copy_from_slice(&self.0[8..24]);
        Name::from_entry(field)
    }

    pub(super) fn data(&self) -> [u8; 8] {
        let mut data = [0; 8];
        data.copy_from_slice(&self.0[24..]);
        data
    }

    /// Entries this item takes: what the span says of a kind that has one, else one.
    pub(super) fn span(&self) -> usize {
        if self.kind().is_some_and(Kind::has_payload) {
            usize::from(self.0[2]).max(1)
        } else {
            1
        }
    }

    /// Bytes of the payload.
    pub(super) fn payload_size(&self) -> usize {
        usize::from(u16::from_le_bytes([self.0[24], self.0[25]]))
    }

    pub(super) fn payload_crc(&self) -> u32 {
        u32::from_le_bytes([self.0[28], self.0[29], self.0[30], self.0[31]])
    }

    /// Of a blob index: bytes of the whole blob.
    pub(super) fn blob_size(&self) -> u32 {
        u32::from_le_bytes([self.0[24], self.0[25], self.0[26], self.0[27]])
    }

    /// Of a blob index: how many chunks.
    pub(super) fn blob_chunks(&self) -> u8 {
        self.0[28]
    }

    /// Of a blob index: the number of its first chunk.
    pub(super) fn blob_start(&self) -> u8 {
        self.0[29]
    }

    /// Whether both are for the same name in the same namespace, and the same chunk if they are
    /// chunks. The type does not matter: a key has one value, as in ESP-IDF without its
    /// `CONFIG_NVS_LEGACY_DUP_KEYS_COMPATIBILITY`.
    pub(super) fn replaces(&self, other: &Self) -> bool {
        self.ns() == other.ns() && self.chunk() == other.chunk() && self.key() == other.key()
    }

    /// A number equal for two items of which one [replaces](Self::replaces) the other.
    pub(super) fn identity_hash(&self) -> u32 {
        Crc::default()
            .update(&[self.ns(), self.chunk()])
            .update(self.key().as_bytes())
            .finish()
    }

    fn computed_crc(&self) -> u32 {
        Crc::default()
            .update(&self.0[..4])
            .update(&self.0[8..])
            .finish()
    }

    /// Whether the entry at `index` of its page is sound: ESP-IDF's `checkHeaderConsistency`; and if it is one of a
    /// namespace, whether it gives it a number. Another one would hide that namespace's own, or count as its
    /// successor and have a mount erase it, with everything in the namespace.
    pub(super) fn is_consistent(&self, index: usize) -> bool {
        let [ns, kind, span, chunk, c0, c1, c2, c3, ..] = self.0;
        let Some(kind) = Kind::from_byte(kind) else {
            return false;
        };
        if u32::from_le_bytes([c0, c1, c2, c3]) != self.computed_crc() {
            return false;
        }
        if ns == NAMESPACES && (kind != Kind::U8 || self.data()[0] == NAMESPACES) {
            return false;
        }
        match kind {
            Kind::Text | Kind::OldBlob | Kind::Chunk => {
                (kind != Kind::Chunk || chunk != NOT_A_CHUNK)
                    && usize::from(span) == 1 + self.payload_size().div_ceil(ENTRY_SIZE)
                    && index + usize::from(span) <= ENTRY_COUNT
            }
            Kind::Blob => span == 1 && chunk == NOT_A_CHUNK && self.blob_size() <= BLOB_MAX,
            _ => span == 1,
        }
    }
}

/// The most chunks one version of a blob can have.
pub(super) const CHUNKS_MAX: usize = 127;
const BLOB_MAX: u32 = (CHUNKS_MAX * PAYLOAD_MAX) as u32;
