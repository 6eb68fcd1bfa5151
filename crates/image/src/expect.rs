//! What the caller requires of an image, beyond its being one.

use crate::app_descriptor::APP_DESCRIPTOR_OFFSET;
use crate::chip::Chip;
use crate::fault::{Fault, FaultCode, Value};
use crate::head::Head;
use crate::text::Text32;

/// The most an app partition, and so an image, can hold: 16 MiB (ESP-IDF's `esp_image_verify` takes no more).
pub const MAX_IMAGE_SIZE: u32 = 0x100_0000;

/// Requirements on an image; the default requires nothing but a sound image.
///
/// All but the sizes are decided by the first [`GATE_SIZE`](crate::GATE_SIZE) bytes. A device fills in what it is; a
/// server fills in what its device type needs.
///
/// ```
/// use updraft_image::{Chip, Expect};
/// let expect = Expect::new().chip(Chip::Esp32c3).max_size(0x1F_0000);
/// assert_eq!(expect.chip, Some(Chip::Esp32c3));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Expect {
    /// The chip the image must be for.
    pub chip: Option<Chip>,
    /// The most bytes the file may have, such as the slot's size. [`MAX_IMAGE_SIZE`] holds besides.
    pub max_size: Option<u32>,
    /// How many bytes the file is said to have (an offer's size, a Content-Length).
    pub declared_size: Option<u32>,
    /// The lowest secure version the image may have (what the device's eFuses hold).
    pub min_secure_version: Option<u32>,
    /// The project the image must be of.
    pub project_name: Option<Text32>,
    /// The device's chip revision, major × 100 + minor, to be checked against the header's bounds.
    pub chip_revision: Option<u16>,
    /// The device's eFuse block revision, major × 100 + minor, to be checked against the descriptor's bounds.
    /// Not looked at on the ESP32, which has none.
    pub efuse_block_revision: Option<u16>,
}

impl Expect {
    /// Requires nothing but a sound image.
    pub fn new() -> Expect {
        Expect::default()
    }

    /// Requires the image to be for this chip.
    #[must_use]
    pub const fn chip(mut self, chip: Chip) -> Expect {
        self.chip = Some(chip);
        self
    }

    /// Requires the file to have at most this many bytes.
    #[must_use]
    pub const fn max_size(mut self, bytes: u32) -> Expect {
        self.max_size = Some(bytes);
        self
    }

    /// Requires the file to have exactly this many bytes.
    #[must_use]
    pub const fn declared_size(mut self, bytes: u32) -> Expect {
        self.declared_size = Some(bytes);
        self
    }

    /// Requires at least this secure version.
    #[must_use]
    pub const fn min_secure_version(mut self, secure_version: u32) -> Expect {
        self.min_secure_version = Some(secure_version);
        self
    }

    /// Requires the image to be of this project.
    #[must_use]
    pub const fn project_name(mut self, name: Text32) -> Expect {
        self.project_name = Some(name);
        self
    }

    /// Requires the image to run on this chip revision (major × 100 + minor).
    #[must_use]
    pub const fn chip_revision(mut self, revision: u16) -> Expect {
        self.chip_revision = Some(revision);
        self
    }

    /// Requires the image to run with this eFuse block revision (major × 100 + minor).
    #[must_use]
    pub const fn efuse_block_revision(mut self, revision: u16) -> Expect {
        self.efuse_block_revision = Some(revision);
        self
    }

    /// The most bytes the file may have.
    pub fn size_limit(&self) -> u32 {
        self.max_size
            .map_or(MAX_IMAGE_SIZE, |max| max.min(MAX_IMAGE_SIZE))
    }

    /// Checks a head that was parsed before against these requirements, except for the sizes.
    ///
    /// # Errors
    /// [`FaultCode::WrongChip`], [`FaultCode::ChipTooOld`], [`FaultCode::ChipTooNew`],
    /// [`FaultCode::EfuseBlockTooOld`], [`FaultCode::EfuseBlockTooNew`], [`FaultCode::SecureVersionTooLow`],
    /// [`FaultCode::WrongProject`]; the first that applies.
    pub fn check(&self, head: &Head) -> Result<(), Fault> {
        self.check_chip(head)?;
        self.check_chip_revision(head)?;
        self.check_efuse_block(head)?;
        self.check_app(head)
    }

    fn check_chip(&self, head: &Head) -> Result<(), Fault> {
        match self.chip {
            Some(chip) if chip != head.chip => Err(Fault {
                code: FaultCode::WrongChip,
                offset: 12,
                found: Value::Chip(head.chip),
                expected: Value::Chip(chip),
            }),
            _ => Ok(()),
        }
    }

    fn check_chip_revision(&self, head: &Head) -> Result<(), Fault> {
        let Some(revision) = self.chip_revision else {
            return Ok(());
        };
        let header = &head.header;
        let fault = |code, offset, bound, expected| {
            Err(Fault {
                code,
                offset,
                found: Value::Revision(bound),
                expected,
            })
        };
        if revision < header.min_chip_rev {
            return fault(
                FaultCode::ChipTooOld,
                15,
                header.min_chip_rev,
                Value::RevisionAtMost(revision),
            );
        }
        match header.max_chip_rev_set() {
            Some(max) if revision > max => fault(
                FaultCode::ChipTooNew,
                17,
                max,
                Value::RevisionAtLeast(revision),
            ),
            _ => Ok(()),
        }
    }

    fn check_efuse_block(&self, head: &Head) -> Result<(), Fault> {
        let Some(revision) = self.efuse_block_revision else {
            return Ok(());
        };
        if head.chip == Chip::Esp32 {
            return Ok(());
        }
        let fault = |code, field: usize, bound, expected| {
            Err(Fault {
                code,
                offset: (APP_DESCRIPTOR_OFFSET + field) as u32,
                found: Value::Revision(bound),
                expected,
            })
        };
        let app = &head.app;
        if revision < app.min_efuse_block_rev {
            return fault(
                FaultCode::EfuseBlockTooOld,
                176,
                app.min_efuse_block_rev,
                Value::RevisionAtMost(revision),
            );
        }
        match app.max_efuse_block_rev_set() {
            Some(max) if revision > max => fault(
                FaultCode::EfuseBlockTooNew,
                178,
                max,
                Value::RevisionAtLeast(revision),
            ),
            _ => Ok(()),
        }
    }

    fn check_app(&self, head: &Head) -> Result<(), Fault> {
        let app = &head.app;
        if let Some(min) = self.min_secure_version
            && app.secure_version < min
        {
            return Err(Fault {
                code: FaultCode::SecureVersionTooLow,
                offset: (APP_DESCRIPTOR_OFFSET + 4) as u32,
                found: Value::Number(app.secure_version),
                expected: Value::NumberAtLeast(min),
            });
        }
        match self.project_name {
            Some(name) if name != app.project_name_field() => Err(Fault {
                code: FaultCode::WrongProject,
                offset: (APP_DESCRIPTOR_OFFSET + 48) as u32,
                found: Value::Text(app.project_name_field()),
                expected: Value::Text(name),
            }),
            _ => Ok(()),
        }
    }

    /// Checks what can be said of the size before the image is read: a declared size over the limit.
    pub(crate) fn check_declared_size(&self) -> Result<(), Fault> {
        match self.declared_size {
            Some(declared) if declared > self.size_limit() => Err(self.too_large(0, declared)),
            _ => Ok(()),
        }
    }

    /// Checks that an image reaching to `end` fits, as told by the segment header before `offset`.
    pub(crate) fn check_reach(&self, offset: u32, end: u32) -> Result<(), Fault> {
        if end > self.size_limit() {
            Err(self.too_large(offset, end))
        } else {
            Ok(())
        }
    }

    pub(crate) fn too_large(&self, offset: u32, size: u32) -> Fault {
        Fault {
            code: FaultCode::TooLarge,
            offset,
            found: Value::AtLeast(size),
            expected: Value::AtMost(self.size_limit()),
        }
    }
}
