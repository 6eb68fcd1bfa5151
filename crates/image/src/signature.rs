//! What Secure Boot appends to an image, recognised but not verified.
//!
//! Version 2 pads the image to 4 KiB and adds one sector of 4096 bytes with up to three blocks of 1216 bytes; version 1
//! (ESP32 only) adds 68 bytes. Layout: ESP-IDF `docs/en/security/secure-boot-v2.rst` and `rom/secure_boot.h`.
//!
//! Checked here: structure, CRC-32, and that the digest in each block is that of this image. Whether the signature
//! itself is good, and of a trusted key, is **not** checked here.

use core::fmt;

use crate::bytes::array;
use crate::crc32::Crc32;
use crate::fault::{Fault, FaultCode, Value};

/// Length of the signature sector in bytes, and what the image before it is padded to.
pub const SIGNATURE_SECTOR_SIZE: u32 = 4096;

/// Length of a signature block in bytes.
pub const SIGNATURE_BLOCK_SIZE: u32 = 1216;

/// Most blocks in a signature sector.
pub const MAX_SIGNATURE_BLOCKS: usize = 3;

/// Length in bytes of what Secure Boot v1 appends: a version word and an ECDSA P-256 signature.
pub const SIGNATURE_V1_SIZE: u32 = 68;

const MAGIC: u8 = 0xE7;
const ERASED: u8 = 0xFF;

/// Offset of a block's CRC-32, which covers all before it.
const CRC_OFFSET: u32 = 1196;

/// Bytes of a block that tell its scheme and digest: up to the curve identifier of ECDSA P-384.
const BLOCK_HEAD: usize = 53;

/// How a signature block is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// RSA-3072 with PSS over SHA-256.
    Rsa3072,
    /// ECDSA on P-192 over SHA-256.
    EcdsaP192,
    /// ECDSA on P-256 over SHA-256.
    EcdsaP256,
    /// ECDSA on P-384 over SHA-384.
    EcdsaP384,
}

impl Scheme {
    /// A short name, such as `rsa3072`.
    pub const fn name(self) -> &'static str {
        match self {
            Scheme::Rsa3072 => "rsa3072",
            Scheme::EcdsaP192 => "ecdsa-p192",
            Scheme::EcdsaP256 => "ecdsa-p256",
            Scheme::EcdsaP384 => "ecdsa-p384",
        }
    }

    /// Offset in the block from which the rest, up to the CRC, is zero.
    const fn zero_from(self) -> u32 {
        match self {
            Scheme::Rsa3072 => CRC_OFFSET,
            Scheme::EcdsaP192 | Scheme::EcdsaP256 => 165,
            Scheme::EcdsaP384 => 245,
        }
    }
}

/// The signature of an image, recognised and not verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signature {
    /// None is appended.
    None,
    /// Secure Boot v1: 68 bytes of ECDSA P-256. Nothing in them can be checked without the key.
    V1,
    /// Secure Boot v2: one to three blocks, each sound and for these image bytes.
    V2 {
        /// The scheme of each block, in order; at least the first is there.
        blocks: [Option<Scheme>; MAX_SIGNATURE_BLOCKS],
    },
}

impl Signature {
    /// A short name: `none`, `secure-boot-v1`, `secure-boot-v2`.
    pub const fn name(&self) -> &'static str {
        match self {
            Signature::None => "none",
            Signature::V1 => "secure-boot-v1",
            Signature::V2 { .. } => "secure-boot-v2",
        }
    }

    /// The schemes of a version 2 signature's blocks, in order.
    pub fn schemes(&self) -> impl Iterator<Item = Scheme> {
        let blocks = match self {
            Signature::V2 { blocks } => *blocks,
            _ => [None; MAX_SIGNATURE_BLOCKS],
        };
        blocks.into_iter().flatten()
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Signature::None => return f.write_str("none"),
            Signature::V1 => f.write_str("Secure Boot v1, ecdsa-p256")?,
            Signature::V2 { .. } => {
                f.write_str("Secure Boot v2")?;
                for scheme in self.schemes() {
                    write!(f, ", {}", scheme.name())?;
                }
            }
        }
        f.write_str(": recognised, not verified")
    }
}

/// The digests a signature block may carry, over everything before the signature sector.
#[derive(Debug, Clone)]
pub(crate) struct Digests {
    pub(crate) sha256: [u8; 32],
    /// Only of chips that may sign with P-384.
    pub(crate) sha384: Option<[u8; 48]>,
}

/// Reads a signature sector byte by byte.
#[derive(Debug, Clone)]
pub(crate) struct SectorReader {
    /// Offset of the sector in the file.
    start: u32,
    /// Bytes read.
    at: u32,
    digests: Digests,
    blocks: [Option<Scheme>; MAX_SIGNATURE_BLOCKS],
    /// The block being read: its first bytes, its CRC so far.
    head: [u8; BLOCK_HEAD],
    crc: Crc32,
    stored_crc: u32,
    present: bool,
}

impl SectorReader {
    pub(crate) fn new(start: u32, digests: Digests) -> SectorReader {
        SectorReader {
            start,
            at: 0,
            digests,
            blocks: [None; MAX_SIGNATURE_BLOCKS],
            head: [0; BLOCK_HEAD],
            crc: Crc32::new(),
            stored_crc: 0,
            present: false,
        }
    }

    /// Whether the sector starts as one does; false before its first byte.
    pub(crate) fn recognised(&self) -> bool {
        self.at > 0 && (self.present || self.blocks.iter().any(Option::is_some))
    }

    /// The blocks of a sector read to its end.
    pub(crate) fn blocks(&self) -> [Option<Scheme>; MAX_SIGNATURE_BLOCKS] {
        self.blocks
    }

    /// Takes one byte. A sector that does not start with a block is no signature: nothing in it is judged.
    pub(crate) fn push(&mut self, byte: u8) -> Result<(), Fault> {
        let block = self.at / SIGNATURE_BLOCK_SIZE;
        let at = self.at % SIGNATURE_BLOCK_SIZE;
        if block as usize >= MAX_SIGNATURE_BLOCKS {
            if self.recognised() && byte != ERASED {
                return self.malformed(Value::Byte(byte), Value::Byte(ERASED));
            }
        } else if at == 0 {
            self.begin_block(byte)?;
        } else if self.present {
            self.push_in_block(block as usize, at, byte)?;
        } else if self.recognised() && byte != ERASED {
            return self.malformed(Value::Byte(byte), Value::Byte(ERASED));
        }
        self.at += 1;
        Ok(())
    }

    fn begin_block(&mut self, byte: u8) -> Result<(), Fault> {
        let follows = self.recognised();
        self.present = byte == MAGIC;
        if follows && !self.present && byte != ERASED {
            return self.malformed(Value::Byte(byte), Value::Byte(MAGIC));
        }
        self.crc = Crc32::new();
        self.crc.push(byte);
        self.stored_crc = 0;
        self.head[0] = byte;
        Ok(())
    }

    fn push_in_block(&mut self, block: usize, at: u32, byte: u8) -> Result<(), Fault> {
        if at < CRC_OFFSET {
            self.crc.push(byte);
        } else if at < CRC_OFFSET + 4 {
            self.stored_crc |= u32::from(byte) << (8 * (at - CRC_OFFSET));
        }
        if let Some(place) = self.head.get_mut(at as usize) {
            *place = byte;
        }
        if at as usize + 1 == BLOCK_HEAD {
            let scheme = self.read_head()?;
            if let Some(place) = self.blocks.get_mut(block) {
                *place = Some(scheme);
            }
        }
        if at + 1 == CRC_OFFSET + 4 && self.stored_crc != self.crc.value() {
            return Err(Fault {
                code: FaultCode::SignatureCrc,
                offset: self.offset(at - 3),
                found: Value::Hex(self.stored_crc),
                expected: Value::Hex(self.crc.value()),
            });
        }
        let scheme = self.blocks.get(block).copied().flatten();
        let zero_from = scheme.map_or(CRC_OFFSET, Scheme::zero_from);
        let zero = (zero_from..CRC_OFFSET).contains(&at) || at >= CRC_OFFSET + 4;
        if zero && byte != 0 {
            return self.malformed(Value::Byte(byte), Value::Byte(0));
        }
        Ok(())
    }

    /// Judges a block's version, curve and digest from its first bytes.
    fn read_head(&self) -> Result<Scheme, Fault> {
        const CURVE: usize = 36;
        const CURVE_P384: usize = 52;
        let field = |offset| array::<1>(&self.head, offset)[0];
        let scheme = match (array::<3>(&self.head, 1), field(CURVE), field(CURVE_P384)) {
            ([2, 0, 0], _, _) => Scheme::Rsa3072,
            ([3, 0, 0], 1, _) => Scheme::EcdsaP192,
            ([3, 0, 0], 2, _) => Scheme::EcdsaP256,
            ([3, 1, 0], _, 3) => Scheme::EcdsaP384,
            _ => {
                return self.malformed_at(
                    1,
                    Value::start(self.head.get(..4).unwrap_or_default()),
                    Value::Words(
                        "version 2 (RSA-3072), or version 3 with curve P-192, P-256 or P-384",
                    ),
                );
            }
        };
        if scheme == Scheme::EcdsaP384 {
            let Some(sha384) = self.digests.sha384 else {
                return Err(Fault {
                    code: FaultCode::SignatureUnsupported,
                    offset: self.offset(0),
                    found: Value::Words("ECDSA P-384"),
                    expected: Value::Words("RSA-3072 or a curve of up to 256 bits"),
                });
            };
            self.compare(&array::<48>(&self.head, 4), &sha384)?;
        } else {
            self.compare(&array::<32>(&self.head, 4), &self.digests.sha256)?;
        }
        Ok(scheme)
    }

    fn compare(&self, found: &[u8], expected: &[u8]) -> Result<(), Fault> {
        if found == expected {
            return Ok(());
        }
        Err(Fault {
            code: FaultCode::SignatureDigest,
            offset: self.offset(4),
            found: Value::Digest(array(found, 0)),
            expected: Value::Digest(array(expected, 0)),
        })
    }

    /// Offset in the file of a place in the block being read.
    fn offset(&self, in_block: u32) -> u32 {
        let block = self.at - self.at % SIGNATURE_BLOCK_SIZE;
        self.start.saturating_add(block + in_block)
    }

    fn malformed(&self, found: Value, expected: Value) -> Result<(), Fault> {
        self.malformed_at(self.at % SIGNATURE_BLOCK_SIZE, found, expected)
    }

    fn malformed_at<T>(&self, in_block: u32, found: Value, expected: Value) -> Result<T, Fault> {
        let offset = self.offset(in_block);
        Err(Fault {
            code: FaultCode::SignatureMalformed,
            offset,
            found,
            expected,
        })
    }
}
