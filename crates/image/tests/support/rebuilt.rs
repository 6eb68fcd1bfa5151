//! A real image taken apart, to be changed and put together again with a right checksum and hash.

use sha2::{Digest, Sha256};
use updraft_image::{Expect, HEADER_SIZE, verify};

/// Header and segments of an image.
#[derive(Clone)]
pub(crate) struct Rebuilt {
    pub(crate) header: [u8; HEADER_SIZE],
    /// Load address and data.
    pub(crate) segments: Vec<(u32, Vec<u8>)>,
}

impl Rebuilt {
    /// Takes a sound image apart.
    pub(crate) fn from(image: &[u8]) -> Rebuilt {
        let facts = verify(image, Expect::new()).expect("a sound image");
        let data = |offset: u32, len: u32| image[offset as usize..(offset + len) as usize].to_vec();
        Rebuilt {
            header: image[..HEADER_SIZE]
                .try_into()
                .expect("an image has a header"),
            segments: facts
                .segments
                .iter()
                .map(|segment| (segment.load_address, data(segment.offset, segment.len)))
                .collect(),
        }
    }

    /// Puts it together; the header's segment count is set, all else is taken as it is.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut out = self.header.to_vec();
        out[1] = self.segments.len() as u8;
        self.bytes_after(out)
    }

    /// Puts it together behind a header given as it is.
    pub(crate) fn bytes_after(&self, mut out: Vec<u8>) -> Vec<u8> {
        for (address, data) in &self.segments {
            out.extend(address.to_le_bytes());
            out.extend((data.len() as u32).to_le_bytes());
            out.extend(data);
        }
        let sum = self
            .segments
            .iter()
            .flat_map(|(_, data)| data)
            .fold(0xEF, |sum, byte| sum ^ byte);
        out.resize((out.len() + 1).next_multiple_of(16) - 1, 0);
        out.push(sum);
        let hash = Sha256::digest(&out);
        out.extend(hash);
        out
    }
}
