//! The streaming verifier: one pass, any split, no allocation.

use core::fmt;

use sha2::{Digest, Sha256, Sha384};

use crate::expect::Expect;
use crate::facts::Facts;
use crate::fault::{Fault, FaultCode, Value};
use crate::head::{GATE_SIZE, Head};
use crate::header::HEADER_SIZE;
use crate::landmarks::Landmarks;
use crate::not_firmware;
use crate::signature::Digests;
use crate::walk::{Due, Walk};

/// Bytes checked and then hashed at a time: small enough to stay in a first-level cache between the two.
const BLOCK: usize = 8 * 1024;

/// Verifies an image as its bytes arrive.
///
/// Feed the file's bytes in order, in any split, then call [`finish`](Verifier::finish). The verdict depends on the
/// bytes alone, never on the split.
///
/// - After [`GATE_SIZE`] bytes the **gate** has decided: [`update`](Verifier::update) has returned a fault, or
///   [`head`](Verifier::head) is there. A device erases nothing before that.
/// - Later faults are returned by the `update` that completes the offending field.
/// - `finish` gives the **full verdict**: the facts, or the fault.
///
/// After a fault the verifier only counts on, and every call returns that fault, with one refinement: a file that
/// starts with a bootloader, or as blank flash, and is fed to its end is called
/// [`MergedImage`](FaultCode::MergedImage) by `finish` if a partition table at 0x8000 or an app at 0x10000 follow. The
/// gate, which cannot see so far, calls it [`BootloaderImage`](FaultCode::BootloaderImage) or
/// [`BlankFlash`](FaultCode::BlankFlash), with a hint for both.
///
/// Takes less than 1 KiB of memory ([`Verifier::MAX_STATE`]) and none from an allocator.
#[derive(Clone)]
pub struct Verifier {
    expect: Expect,
    /// Bytes fed, counting those after a fault.
    position: u32,
    landmarks: Landmarks,
    hasher: Sha256,
    /// Only for chips that may sign with P-384.
    hasher384: Option<Sha384>,
    stage: Stage,
}

/// What the verifier holds depends on how far it is; the stages share their memory.
#[derive(Clone)]
#[expect(
    clippy::large_enum_variant,
    reason = "there is no allocator to box with"
)]
enum Stage {
    /// Fewer than [`GATE_SIZE`] bytes are there.
    Gathering { bytes: [u8; GATE_SIZE] },
    /// The gate is passed.
    Walking { head: Head, walk: Walk },
    /// A fault was found, before or after the gate.
    Failed { head: Option<Head>, fault: Fault },
}

impl Verifier {
    /// Upper bound of the verifier's size in bytes.
    pub const MAX_STATE: usize = 1024;

    /// A verifier for a file that has not begun.
    pub fn new(expect: Expect) -> Verifier {
        Verifier {
            expect,
            position: 0,
            landmarks: Landmarks::default(),
            hasher: Sha256::new(),
            hasher384: None,
            stage: Stage::Gathering {
                bytes: [0; GATE_SIZE],
            },
        }
    }

    /// Takes the file's next bytes.
    ///
    /// # Errors
    /// The first fault of the file, once its place has been read. The caller may stop there.
    pub fn update(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        for block in bytes.chunks(BLOCK) {
            self.update_block(block);
        }
        match &self.stage {
            Stage::Failed { fault, .. } => Err(*fault),
            _ => Ok(()),
        }
    }

    /// Header and app descriptor, once the first [`GATE_SIZE`] bytes have passed the gate; also after a later fault.
    pub fn head(&self) -> Option<&Head> {
        match &self.stage {
            Stage::Gathering { .. } => None,
            Stage::Walking { head, .. } => Some(head),
            Stage::Failed { head, .. } => head.as_ref(),
        }
    }

    /// Bytes taken so far.
    pub fn position(&self) -> u32 {
        self.position
    }

    /// The verdict on the whole file.
    ///
    /// # Errors
    /// The fault of the file.
    pub fn finish(self) -> Result<Facts, Fault> {
        let Verifier {
            expect,
            position,
            landmarks,
            hasher,
            stage,
            ..
        } = self;
        match stage {
            Stage::Gathering { bytes } => {
                not_firmware::recognise(bytes.get(..position as usize).unwrap_or(&bytes))?;
                Err(Fault {
                    code: FaultCode::TooShort,
                    offset: position,
                    found: Value::Bytes(position),
                    expected: Value::AtLeast(GATE_SIZE as u32),
                })
            }
            Stage::Failed { fault, .. } => Err(refine(fault, landmarks)),
            Stage::Walking { head, walk } => {
                if let Some(declared) = expect.declared_size
                    && declared != position
                {
                    return Err(size_mismatch(position, position, declared));
                }
                let facts = walk.finish(&head, hasher.finalize().into());
                facts.map_err(|fault| {
                    match walk.image_end().and_then(|end| landmarks.merged(end)) {
                        Some(place) if fault.code == FaultCode::TrailingBytes => merged(place),
                        _ => fault,
                    }
                })
            }
        }
    }

    fn update_block(&mut self, bytes: &[u8]) {
        self.landmarks.note(self.position, bytes);
        let before = self.position;
        self.position = before.saturating_add(bytes.len() as u32);
        if let Stage::Failed { .. } = self.stage {
            return;
        }
        let limit = self
            .expect
            .size_limit()
            .min(self.expect.declared_size.unwrap_or(u32::MAX));
        let within = bytes
            .get(..limit.saturating_sub(before) as usize)
            .unwrap_or(bytes);
        let verdict = self.take(before, within).and_then(|()| {
            if within.len() == bytes.len() {
                Ok(())
            } else {
                Err(self.over(limit))
            }
        });
        if let Err(fault) = verdict {
            self.stage = Stage::Failed {
                head: self.head().copied(),
                fault,
            };
        }
    }

    /// The fault of a file that goes on after `limit` bytes.
    fn over(&self, limit: u32) -> Fault {
        match self.expect.declared_size {
            Some(declared) if declared == limit && declared < self.expect.size_limit() => {
                size_mismatch(limit, limit + 1, declared)
            }
            _ => self.expect.too_large(limit, limit.saturating_add(1)),
        }
    }

    fn take(&mut self, before: u32, bytes: &[u8]) -> Result<(), Fault> {
        let Stage::Gathering { bytes: gathered } = &mut self.stage else {
            return self.walk_on(bytes);
        };
        let room = gathered.get_mut(before as usize..).unwrap_or_default();
        let taken = room.len().min(bytes.len());
        for (to, from) in room.iter_mut().zip(bytes) {
            *to = *from;
        }
        if before as usize + taken < GATE_SIZE {
            return Ok(());
        }
        let first = *gathered;
        let head = Head::gate(&first, &self.expect)?;
        self.hasher384 = head.chip.may_sign_p384().then(Sha384::new);
        self.stage = Stage::Walking {
            walk: Walk::new(&head),
            head,
        };
        self.hash(first.get(..HEADER_SIZE).unwrap_or_default());
        self.walk_on(first.get(HEADER_SIZE..).unwrap_or_default())?;
        self.walk_on(bytes.get(taken..).unwrap_or_default())
    }

    /// Checks and hashes bytes after the image header, stopping where a digest of all before is due.
    fn walk_on(&mut self, mut bytes: &[u8]) -> Result<(), Fault> {
        while !bytes.is_empty() {
            let Stage::Walking { head, walk } = &mut self.stage else {
                return Ok(());
            };
            let mut used = 0;
            while used < bytes.len() && walk.due().is_none() {
                used += walk.feed(bytes.get(used..).unwrap_or_default(), head, &self.expect)?;
            }
            let (done, rest) = bytes.split_at(used);
            bytes = rest;
            self.hash(done);
            self.give_digest();
        }
        Ok(())
    }

    fn hash(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        if let Some(hasher) = &mut self.hasher384 {
            hasher.update(bytes);
        }
    }

    /// Gives the walk the digest it waits for, if any: one hasher serves all of them, copied at the place.
    fn give_digest(&mut self) {
        let Stage::Walking { walk, .. } = &mut self.stage else {
            return;
        };
        match walk.due() {
            None => {}
            Some(Due::Image) => walk.give_image_digest(self.hasher.clone().finalize().into()),
            Some(Due::Signed) => walk.give_signed_digests(Digests {
                sha256: self.hasher.clone().finalize().into(),
                sha384: self.hasher384.take().map(|hasher| hasher.finalize().into()),
            }),
        }
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stage = match &self.stage {
            Stage::Gathering { .. } => "before the gate",
            Stage::Walking { .. } => "past the gate",
            Stage::Failed { fault, .. } => fault.code.as_str(),
        };
        f.debug_struct("Verifier")
            .field("expect", &self.expect)
            .field("position", &self.position)
            .field("stage", &stage)
            .finish_non_exhaustive()
    }
}

/// Verifies a whole file at once; the verdict is that of a [`Verifier`] fed to the end.
///
/// # Errors
/// The fault of the file.
pub fn verify(bytes: &[u8], expect: Expect) -> Result<Facts, Fault> {
    let mut verifier = Verifier::new(expect);
    // A fault may be refined by what follows it, which is read either way.
    let _first_fault = verifier.update(bytes);
    verifier.finish()
}

/// Names a merged image by what was seen after a start that looked like less.
fn refine(fault: Fault, landmarks: Landmarks) -> Fault {
    let place = match fault.code {
        FaultCode::BootloaderImage => landmarks.merged(0),
        FaultCode::BlankFlash => landmarks.merged(0).and(landmarks.late_bootloader()),
        _ => None,
    };
    place.map_or(fault, merged)
}

fn merged(offset: u32) -> Fault {
    Fault {
        code: FaultCode::MergedImage,
        offset,
        found: Value::Words("another part of the flash"),
        expected: Value::Words("one app image from start to end"),
    }
}

fn size_mismatch(offset: u32, found: u32, declared: u32) -> Fault {
    let found = if found > declared {
        Value::AtLeast(found)
    } else {
        Value::Bytes(found)
    };
    Fault {
        code: FaultCode::SizeMismatch,
        offset,
        found,
        expected: Value::Bytes(declared),
    }
}
