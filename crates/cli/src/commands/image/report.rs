//! An image's facts as `updraft image info --json` prints them.
//!
//! Field names and meanings are stable; fields are added, never renamed. Sizes, offsets and addresses are
//! numbers; digests are 64 hexadecimal digits.

use serde::Serialize;
use updraft_image::{AppDescriptor, Facts, Fault, Head, Scheme, Segment, Signature};
use updraft_protocol::Digest;

use crate::firmware::Inspected;

/// One firmware file.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// The file's path as it was given; `-` is stdin.
    pub(super) file: String,
    /// Whether the whole image is sound.
    pub(super) valid: bool,
    /// The image header, if the file begins as an app image does.
    pub(super) header: Option<HeaderReport>,
    /// The app descriptor, likewise.
    pub(super) app: Option<AppReport>,
    /// What only a sound image has.
    pub(super) contents: Option<Contents>,
    /// What is wrong, if anything is.
    pub(super) fault: Option<FaultReport>,
}

/// The image header.
#[derive(Debug, Serialize)]
pub(super) struct HeaderReport {
    pub(super) chip: &'static str,
    pub(super) chip_id: u16,
    pub(super) segment_count: u8,
    pub(super) entry_address: u32,
    pub(super) spi_mode: Option<&'static str>,
    /// Bytes.
    pub(super) flash_size: Option<u32>,
    /// Major × 100 + minor.
    pub(super) min_chip_revision: u16,
    /// Major × 100 + minor; null is any.
    pub(super) max_chip_revision: Option<u16>,
    /// Bytes.
    pub(super) mmu_page_size: u32,
}

/// The app descriptor. A text that is none is null.
#[derive(Debug, Serialize)]
pub(super) struct AppReport {
    pub(super) project_name: Option<String>,
    pub(super) version: Option<String>,
    pub(super) secure_version: u32,
    pub(super) compile_date: Option<String>,
    pub(super) compile_time: Option<String>,
    pub(super) idf_version: Option<String>,
    pub(super) elf_sha256: Digest,
    /// Major × 100 + minor.
    pub(super) min_efuse_block_revision: u16,
    /// Major × 100 + minor; null is any.
    pub(super) max_efuse_block_revision: Option<u16>,
}

/// What was learnt from the whole file.
#[derive(Debug, Serialize)]
pub(super) struct Contents {
    /// Bytes of the whole file.
    pub(super) size: u32,
    /// Bytes of the image without what Secure Boot appended.
    pub(super) image_size: u32,
    pub(super) segments: Vec<SegmentReport>,
    pub(super) checksum: u8,
    /// The hash appended to the image.
    pub(super) image_sha256: Digest,
    /// Over every byte of the file.
    pub(super) file_sha256: Digest,
    pub(super) signature: SignatureReport,
}

/// One segment.
#[derive(Debug, Serialize)]
pub(super) struct SegmentReport {
    pub(super) index: u8,
    pub(super) kind: &'static str,
    pub(super) load_address: u32,
    /// Of the data, in the file.
    pub(super) offset: u32,
    /// Bytes.
    pub(super) length: u32,
}

/// What Secure Boot appended: recognised, not verified.
#[derive(Debug, Serialize)]
pub(super) struct SignatureReport {
    pub(super) kind: &'static str,
    /// The scheme of each block of a version 2 signature.
    pub(super) schemes: Vec<&'static str>,
}

/// A fault.
#[derive(Debug, Serialize)]
pub(super) struct FaultReport {
    pub(super) code: &'static str,
    pub(super) message: &'static str,
    pub(super) offset: u32,
    pub(super) found: String,
    pub(super) expected: String,
    pub(super) hint: &'static str,
}

impl Report {
    /// Of a file that was read.
    pub(super) fn new(file: String, inspected: &Inspected) -> Self {
        let head = inspected.head.as_ref();
        Self {
            file,
            valid: inspected.verdict.is_ok(),
            header: head.map(HeaderReport::from),
            app: head.map(|head| AppReport::from(&head.app)),
            contents: inspected.verdict.as_ref().ok().map(Contents::from),
            fault: inspected.verdict.as_ref().err().map(FaultReport::from),
        }
    }
}

impl From<&Head> for HeaderReport {
    fn from(head: &Head) -> Self {
        let header = &head.header;
        Self {
            chip: head.chip.name(),
            chip_id: header.chip_id,
            segment_count: header.segment_count,
            entry_address: header.entry_address,
            spi_mode: header.spi_mode_name(),
            flash_size: header.flash_size(),
            min_chip_revision: header.min_chip_rev,
            max_chip_revision: header.max_chip_rev_set(),
            mmu_page_size: head.mmu_page,
        }
    }
}

impl From<&AppDescriptor> for AppReport {
    fn from(app: &AppDescriptor) -> Self {
        let text = |read: Result<&str, Fault>| read.ok().map(str::to_owned);
        Self {
            project_name: text(app.project_name()),
            version: text(app.version()),
            secure_version: app.secure_version,
            compile_date: text(app.date()),
            compile_time: text(app.time()),
            idf_version: text(app.idf_ver()),
            elf_sha256: Digest(app.app_elf_sha256),
            min_efuse_block_revision: app.min_efuse_block_rev,
            max_efuse_block_revision: app.max_efuse_block_rev_set(),
        }
    }
}

impl From<&Facts> for Contents {
    fn from(facts: &Facts) -> Self {
        Self {
            size: facts.size,
            image_size: facts.image_size,
            segments: facts.segments.iter().map(SegmentReport::from).collect(),
            checksum: facts.checksum,
            image_sha256: Digest(facts.image_sha256),
            file_sha256: Digest(facts.file_sha256),
            signature: SignatureReport::from(&facts.signature),
        }
    }
}

impl From<Segment> for SegmentReport {
    fn from(segment: Segment) -> Self {
        Self {
            index: segment.index,
            kind: segment.kind.name(),
            load_address: segment.load_address,
            offset: segment.offset,
            length: segment.len,
        }
    }
}

impl From<&Signature> for SignatureReport {
    fn from(signature: &Signature) -> Self {
        Self {
            kind: signature.name(),
            schemes: signature.schemes().map(Scheme::name).collect(),
        }
    }
}

impl From<&Fault> for FaultReport {
    fn from(fault: &Fault) -> Self {
        Self {
            code: fault.code.as_str(),
            message: fault.code.summary(),
            offset: fault.offset,
            found: fault.found.to_string(),
            expected: fault.expected.to_string(),
            hint: fault.hint(),
        }
    }
}
