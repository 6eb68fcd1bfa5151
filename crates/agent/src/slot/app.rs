//! App images as a slot's content.

use core::cmp::Ordering;

use updraft_image::{Expect, Facts, GATE_SIZE, Verifier};
use updraft_protocol::version::parse;
use updraft_protocol::{Digest, ReasonCode};

use super::content::{Content, Pass, Size};
use crate::failure::{Failure, of_fault};
use crate::memory::Refused;

/// What an app image must be to be installed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    /// What the gate checks.
    pub(crate) expect: Expect,
    /// Size of the file.
    pub(crate) size: Size,
    /// SHA-256 of the file, if somebody promised one.
    pub(crate) sha256: Option<Digest>,
    /// The version in the image, if somebody named one.
    pub(crate) version: Option<&'a str>,
    /// The lowest version in the image, if a lower one is a downgrade nobody asked for.
    pub(crate) at_least: Option<&'a str>,
    /// The ELF SHA-256 in the image, if somebody named it.
    pub(crate) elf_sha256: Option<Digest>,
    /// Builds that were rolled back here, by their ELF SHA-256.
    pub(crate) refused: Refused,
}

/// One image on its way.
pub(crate) struct AppContent<'a> {
    wanted: Wanted<'a>,
    verifier: Verifier,
}

impl<'a> AppContent<'a> {
    /// An image that is to fit `room` bytes.
    pub(crate) fn new(wanted: &Wanted<'a>, room: u32) -> Self {
        let limit = wanted.expect.max_size.map_or(room, |max| max.min(room));
        let mut expect = wanted.expect.max_size(limit);
        if let Size::Exact(size) = wanted.size {
            expect = expect.declared_size(size);
        }
        Self {
            verifier: Verifier::new(expect),
            wanted: Wanted { expect, ..*wanted },
        }
    }

    fn check_sha256(&self, found: [u8; 32], reason: ReasonCode) -> Result<(), Failure> {
        match self.wanted.sha256 {
            Some(wanted) if Digest(found) != wanted => Err(Failure::new(
                reason,
                format_args!("the SHA-256 is {}, {wanted} was promised", Digest(found)),
            )),
            _ => Ok(()),
        }
    }

    /// Checks what the gate found against what was promised. The gate itself was the verifier's.
    fn check_head(&self) -> Result<(), Failure> {
        let Some(head) = self.verifier.head() else {
            return Ok(());
        };
        let version = head.app.version().map_err(|fault| of_fault(&fault))?;
        if let Some(wanted) = self.wanted.version.filter(|&wanted| wanted != version) {
            return Err(Failure::new(
                ReasonCode::WrongVersion,
                format_args!("the image is {version}, {wanted} was offered"),
            ));
        }
        if let Some(floor) = self.wanted.at_least {
            check_not_below(version, floor)?;
        }
        let elf = Digest(head.app.app_elf_sha256);
        if self.wanted.elf_sha256.is_some_and(|wanted| wanted != elf) {
            return Err(Failure::new(
                ReasonCode::WrongVersion,
                "the image is another build than the one offered",
            ));
        }
        self.wanted.refused.check(elf)
    }
}

/// Refuses a version below `floor`, and one that cannot be compared with it.
fn check_not_below(version: &str, floor: &str) -> Result<(), Failure> {
    let unreadable = |error| Failure::new(ReasonCode::Downgrade, error);
    let found = parse(version).map_err(unreadable)?;
    let running = parse(floor).map_err(unreadable)?;
    if found.cmp_precedence(&running) == Ordering::Less {
        return Err(Failure::new(
            ReasonCode::Downgrade,
            format_args!(
                "{found} is lower than the running {running}; a downgrade has to be asked for"
            ),
        ));
    }
    Ok(())
}

impl Content for AppContent<'_> {
    type Facts = Facts;

    fn update(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.verifier
            .update(bytes)
            .map_err(|fault| of_fault(&fault))
    }

    fn gate(&mut self, first: &[u8]) -> Result<(), Failure> {
        if first.len() < GATE_SIZE {
            return Err(Failure::new(
                ReasonCode::NotAnImage,
                format_args!("{} bytes are too few for an image", first.len()),
            ));
        }
        self.check_head()
    }

    fn verdict(&mut self, pass: Pass) -> Result<Facts, Failure> {
        let again = Verifier::new(self.wanted.expect);
        let verifier = core::mem::replace(&mut self.verifier, again);
        let (facts, reason) = match pass {
            Pass::Arrived => {
                let facts = verifier.finish().map_err(|fault| of_fault(&fault))?;
                (facts, ReasonCode::ChecksumMismatch)
            }
            Pass::ReadBack => {
                let facts = verifier.finish().map_err(|fault| {
                    Failure::new(
                        ReasonCode::ReadBackMismatch,
                        format_args!("read back: {fault}"),
                    )
                })?;
                (facts, ReasonCode::ReadBackMismatch)
            }
        };
        self.check_sha256(facts.file_sha256, reason)?;
        Ok(facts)
    }
}
