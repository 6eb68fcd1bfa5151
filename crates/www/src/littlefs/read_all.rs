//! Reading every file once, to know that it can be.

use embedded_storage::nor_flash::ReadNorFlash;

use super::{BLOCK_SIZE, Fault, File, Mount, Node, Walk, WalkStep};

/// Bytes read at a time, into the stack.
const PIECE: u32 = 512;

/// Reads every file of an image, a few KiB a step, so that a device does other things between.
#[derive(Clone, Debug)]
pub struct ReadAll {
    mount: Mount,
    walk: Walk,
    /// The file being read, and how far.
    current: Option<(File, u32)>,
    files: u32,
    bytes: u64,
}

/// Whether there is more to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Call again.
    More,
    /// All files were read.
    Done {
        /// How many there were.
        files: u32,
        /// Their bytes.
        bytes: u64,
    },
}

impl ReadAll {
    /// Before the first file.
    pub fn new(mount: Mount) -> Self {
        Self {
            mount,
            walk: mount.walk(),
            current: None,
            files: 0,
            bytes: 0,
        }
    }

    /// Reads on, about [`BLOCK_SIZE`] bytes.
    ///
    /// # Errors
    ///
    /// The first [`Fault`] met; the steps after it say that they are done.
    pub fn step<F: ReadNorFlash>(&mut self, flash: &mut F) -> Result<Progress, Fault<F::Error>> {
        if let Some((file, position)) = self.current.take() {
            let end = file.size.min(position.saturating_add(BLOCK_SIZE));
            if let Err(fault) = self.read(flash, &file, position, end) {
                self.walk.stop();
                return Err(fault);
            }
            if end < file.size {
                self.current = Some((file, end));
            }
            return Ok(Progress::More);
        }
        match self.walk.step(flash)? {
            WalkStep::Entry(entry) => {
                if let Node::File(file) = entry.node {
                    self.files += 1;
                    self.bytes += u64::from(file.size);
                    self.current = Some((file, 0));
                }
                Ok(Progress::More)
            }
            WalkStep::More => Ok(Progress::More),
            WalkStep::End => Ok(Progress::Done {
                files: self.files,
                bytes: self.bytes,
            }),
        }
    }

    fn read<F: ReadNorFlash>(
        &self,
        flash: &mut F,
        file: &File,
        mut position: u32,
        end: u32,
    ) -> Result<(), Fault<F::Error>> {
        let mut piece = [0; PIECE as usize];
        while position < end {
            let read = self.mount.read(flash, file, position, &mut piece)?;
            position = position.saturating_add(read.max(1) as u32);
        }
        Ok(())
    }
}
