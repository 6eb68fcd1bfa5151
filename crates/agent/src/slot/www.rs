//! Images of web assets as a slot's content.

use sha2::{Digest as _, Sha256};
use updraft_protocol::{Digest, ReasonCode};
use updraft_www::littlefs::{BLOCK_SIZE, MountFault, preview};

use super::content::{Content, Pass, Size};
use crate::failure::Failure;

/// First byte of an app image.
const APP_MAGIC: u8 = 0xE9;

/// One image on its way: its bytes are only counted and hashed. What is in it is looked at once it lies in flash.
pub(crate) struct WwwContent {
    /// Bytes of the partition, which an image has all of.
    room: u32,
    size: Size,
    /// What somebody promised.
    sha256: Option<Digest>,
    /// What arrived.
    arrived: Option<Digest>,
    hash: Sha256,
    count: u32,
}

impl WwwContent {
    /// An image for a partition of `room` bytes.
    pub(crate) fn new(room: u32, size: Size, sha256: Option<Digest>) -> Self {
        Self {
            room,
            size,
            sha256,
            arrived: None,
            hash: Sha256::new(),
            count: 0,
        }
    }

    /// Why so many bytes are not the image of this partition, if they are not.
    fn check_size(&self, size: u32) -> Result<(), Failure> {
        let room = self.room;
        let reason = match size {
            size if size == room => return Ok(()),
            size if size > room => ReasonCode::TooBig,
            _ => ReasonCode::ImageInvalid,
        };
        Err(Failure::new(
            reason,
            format_args!(
                "the image has {size} bytes, the www partition {room}, and an image is as long as its partition; \
                 pack it with updraft www pack --size {room}"
            ),
        ))
    }
}

/// What a file is that is no image of web assets.
fn not_an_image(first: &[u8]) -> Failure {
    let text = first.trim_ascii_start();
    let what = match first {
        [] => "nothing arrived",
        [APP_MAGIC, ..] => "this is an app image; send it to /update",
        _ if text.starts_with(b"<") => "this is an HTML page or XML",
        _ => "this is not a LittleFS image: byte 8 does not begin the word littlefs",
    };
    Failure::new(
        ReasonCode::NotAnImage,
        format_args!("{what}; a frontend is an image made by updraft www pack"),
    )
}

impl Content for WwwContent {
    /// The SHA-256 of the whole.
    type Facts = Digest;

    fn update(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.count = self.count.saturating_add(bytes.len() as u32);
        if self.count > self.room {
            self.check_size(self.count)?;
        }
        self.hash.update(bytes);
        Ok(())
    }

    fn gate(&mut self, first: &[u8]) -> Result<(), Failure> {
        match preview(first, self.room / BLOCK_SIZE) {
            Ok(()) => {}
            Err(MountFault::NoSuperblock) => return Err(not_an_image(first)),
            Err(fault) => return Err(Failure::new(ReasonCode::ImageInvalid, fault)),
        }
        match self.size {
            Size::Exact(size) => self.check_size(size),
            Size::AtMost(_) => Ok(()),
        }
    }

    fn verdict(&mut self, pass: Pass) -> Result<Digest, Failure> {
        let count = core::mem::take(&mut self.count);
        let found = Digest(core::mem::take(&mut self.hash).finalize().into());
        self.check_size(count)?;
        match pass {
            Pass::Arrived => {
                if let Some(wanted) = self.sha256.filter(|&wanted| wanted != found) {
                    return Err(Failure::new(
                        ReasonCode::ChecksumMismatch,
                        format_args!("the SHA-256 is {found}, {wanted} was promised"),
                    ));
                }
                self.arrived = Some(found);
            }
            Pass::ReadBack if self.arrived != Some(found) => {
                return Err(Failure::new(
                    ReasonCode::ReadBackMismatch,
                    format_args!(
                        "the SHA-256 of what is read back is {found}, not that of what arrived"
                    ),
                ));
            }
            Pass::ReadBack => {}
        }
        Ok(found)
    }
}
