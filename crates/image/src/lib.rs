//! ESP application images: bytes in, facts or a named fault out.
//!
//! An image is checked as ESP-IDF's `esp_image_verify` checks it before booting, and more strictly where an update
//! server should be: no appended hash, no segments, no app descriptor, a bootloader or merged image, trailing bytes,
//! and files that are not firmware at all are faults of their own, each with an offset, what was found, what was
//! expected, and what to do.
//!
//! [`Verifier`] takes a file in pieces of any size; [`verify`] takes it whole. Neither allocates.
//!
//! ```
//! use updraft_image::{Expect, FaultCode, verify};
//!
//! let fault = verify(b"<!doctype html><title>Sign in</title>", Expect::new()).unwrap_err();
//! assert_eq!(fault.code, FaultCode::Html);
//! println!("{fault}\n{}", fault.hint());
//! ```
//!
//! Secure Boot signatures are recognised, and compared with the image's digest; the signature itself is not verified
//! here.
#![no_std]

mod app_descriptor;
mod bytes;
mod checksum;
mod chip;
mod crc32;
mod expect;
mod facts;
mod fault;
mod fault_code;
mod head;
mod header;
mod landmarks;
mod not_firmware;
mod segment;
mod signature;
mod tail;
mod text;
mod verifier;
mod walk;

pub use app_descriptor::{
    APP_DESCRIPTOR_MAGIC, APP_DESCRIPTOR_OFFSET, APP_DESCRIPTOR_SIZE, AppDescriptor,
};
pub use chip::{Chip, DEFAULT_MMU_PAGE, UnknownChip};
pub use expect::{Expect, MAX_IMAGE_SIZE};
pub use facts::Facts;
pub use fault::{Fault, FaultCode, Value};
pub use head::{GATE_SIZE, Head};
pub use header::{HEADER_SIZE, Header, IMAGE_MAGIC, MAX_SEGMENTS};
pub use segment::{SEGMENT_HEADER_SIZE, SEGMENT_LIMIT, Segment, SegmentKind, Segments};
pub use signature::{
    MAX_SIGNATURE_BLOCKS, SIGNATURE_BLOCK_SIZE, SIGNATURE_SECTOR_SIZE, SIGNATURE_V1_SIZE, Scheme,
    Signature,
};
pub use text::{TEXT_SIZE, Text32};
pub use verifier::{Verifier, verify};
