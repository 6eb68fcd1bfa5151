//! What the updater remembers across a reset, in the NVS namespace `updraft`.
//!
//! Each key is written by itself and survives a power cut as its old or its new value. The order of writes
//! is what makes an update safe to interrupt; it is stated where they are made.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use embedded_storage::nor_flash::NorFlash;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use updraft_flash::nvs::{Nvs, NvsError};
use updraft_flash::region::Region;
use updraft_protocol::espota::{self, PasswordHash};
use updraft_protocol::report::MAX_DETAIL;
use updraft_protocol::version::MAX_VERSION;
use updraft_protocol::{Digest, Offer, ReasonCode, Report};

use crate::failure::Failure;
use crate::flash::DeviceFlash;
use crate::log::{self, LogEntry};
use crate::words::plain;

pub(crate) const NAMESPACE: &str = "updraft";
const TOKEN: &str = "token";
const ENROLLED: &str = "enrolled";
const INSTALL: &str = "install";
const WRITTEN: &str = "written";
const REPORT: &str = "report";
const REFUSED: &str = "refused";
const PROBLEM: &str = "problem";
const BY_HAND: &str = "byhand";
const BROKEN_SLOTS: &str = "brokenslots";
const PUSH_TOKEN: &str = "pushtoken";
const ESPOTA_PASSWORD: &str = "espotapass";

/// Largest value kept, in bytes. A report is the longest: 512 bytes of detail, which JSON escapes at most
/// double, two versions, the release's id, and some 400 bytes of names and digests.
const MAX_VALUE: usize = 2048;

/// Longest id of a release that is kept, in bytes; Updraft's own have 24. A longer one is left out of the
/// reports, which name the version besides.
const MAX_FIRMWARE_ID: usize = 64;

/// What is kept of an offer: what a resume compares and a report names. Its size is bounded whatever the
/// server wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Subject {
    pub(crate) firmware_id: Option<String>,
    pub(crate) version: String,
    pub(crate) checksum: Digest,
    pub(crate) size: u32,
    pub(crate) elf_sha256: Option<Digest>,
}

impl From<&Offer> for Subject {
    fn from(offer: &Offer) -> Self {
        let id = &offer.firmware_id;
        let keeps = id.len() <= MAX_FIRMWARE_ID && id.bytes().all(|byte| byte.is_ascii_graphic());
        Self {
            firmware_id: keeps.then(|| id.clone()),
            version: plain(&offer.version, MAX_VERSION),
            checksum: offer.checksum,
            size: offer.size,
            elf_sha256: offer.elf_sha256,
        }
    }
}

/// An update that was begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Install {
    pub(crate) offer: Subject,
    /// The OTA slot it goes to.
    pub(crate) slot: u8,
    /// The version that ran when it began.
    pub(crate) previous_version: String,
    /// Whether the boot record was, or was about to be, written.
    pub(crate) activated: bool,
}

/// Builds a device remembers to have rolled back. More than one, so that two bad releases offered in turn
/// are not tried for ever.
const MAX_REFUSED: usize = 4;

/// The builds that were rolled back here last, by ELF SHA-256, the newest first; zeros where there are fewer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Refused([[u8; 32]; MAX_REFUSED]);

impl Refused {
    /// An error if this build was rolled back here. A build without a digest (zeros) is not told apart from
    /// others and never refused.
    pub(crate) fn check(&self, elf_sha256: Digest) -> Result<(), Failure> {
        if elf_sha256.0 == [0; 32] || !self.0.contains(&elf_sha256.0) {
            return Ok(());
        }
        Err(Failure::new(
            ReasonCode::RefusedBefore,
            "this build was rolled back here before",
        ))
    }
}

/// For `map_err`, which hands the error over by value.
#[expect(clippy::needless_pass_by_value)]
pub(crate) fn failed<E: fmt::Debug>(error: NvsError<E>) -> Failure {
    Failure::new(ReasonCode::WriteFailed, format_args!("NVS: {error}"))
}

/// The updater's memory on one flash.
pub(crate) struct Memory<'f, F: NorFlash> {
    pub(crate) nvs: Nvs<Region<'f, F>>,
}

impl<'f, F: NorFlash> Memory<'f, F> {
    /// Opens the NVS partition, healing what a power cut left.
    pub(crate) fn open(flash: &'f mut DeviceFlash<F>) -> Result<Self, Failure> {
        let (region, size) = flash.nvs_region()?;
        let nvs = Nvs::mount(region, size).map_err(failed)?;
        Ok(Self { nvs })
    }

    pub(crate) fn token(&mut self) -> Result<Option<String>, Failure> {
        let Some(bytes) = self.blob(TOKEN)? else {
            return Ok(None);
        };
        Ok(String::from_utf8(bytes).ok())
    }

    /// Whether the server has acknowledged the token.
    pub(crate) fn is_enrolled(&mut self) -> Result<bool, Failure> {
        let enrolled: Option<u8> = self.nvs.get(NAMESPACE, ENROLLED).map_err(failed)?;
        Ok(enrolled.is_some())
    }

    pub(crate) fn set_enrolled(&mut self) -> Result<(), Failure> {
        self.nvs.set(NAMESPACE, ENROLLED, 1_u8).map_err(failed)
    }

    pub(crate) fn set_token(&mut self, token: &str) -> Result<(), Failure> {
        self.nvs
            .set_blob(NAMESPACE, TOKEN, token.as_bytes())
            .map_err(failed)
    }

    pub(crate) fn install(&mut self) -> Result<Option<Install>, Failure> {
        self.json(INSTALL)
    }

    pub(crate) fn set_install(&mut self, install: &Install) -> Result<(), Failure> {
        self.set_json(INSTALL, install)
    }

    /// Forgets the update. The count of bytes goes first: without it the update is begun afresh. The trial goes last:
    /// as long as there is an update it says what came of it.
    pub(crate) fn end_install(&mut self) -> Result<(), Failure> {
        self.erase(WRITTEN)?;
        self.forget_problem()?;
        self.erase(INSTALL)?;
        self.end_trial()
    }

    /// Whether somebody asked for the rollback under way.
    pub(crate) fn is_by_hand(&mut self) -> Result<bool, Failure> {
        let by_hand: Option<u8> = self.nvs.get(NAMESPACE, BY_HAND).map_err(failed)?;
        Ok(by_hand.is_some())
    }

    pub(crate) fn set_by_hand(&mut self) -> Result<(), Failure> {
        self.nvs.set(NAMESPACE, BY_HAND, 1_u8).map_err(failed)
    }

    /// The OTA slots that would not take what was written, bit by bit.
    pub(crate) fn broken_slots(&mut self) -> Result<u16, Failure> {
        let broken = self.nvs.get(NAMESPACE, BROKEN_SLOTS).map_err(failed)?;
        Ok(broken.unwrap_or(0))
    }

    pub(crate) fn set_broken_slots(&mut self, slots: u16) -> Result<(), Failure> {
        if self.broken_slots()? == slots {
            return Ok(());
        }
        self.nvs.set(NAMESPACE, BROKEN_SLOTS, slots).map_err(failed)
    }

    /// The token without which nothing may be pushed to the device.
    pub(crate) fn push_token(&mut self) -> Result<Option<String>, Failure> {
        let token = self.blob(PUSH_TOKEN)?;
        Ok(token.and_then(|bytes| String::from_utf8(bytes).ok()))
    }

    pub(crate) fn set_push_token(&mut self, token: &str) -> Result<(), Failure> {
        self.nvs
            .set_blob(NAMESPACE, PUSH_TOKEN, token.as_bytes())
            .map_err(failed)
    }

    pub(crate) fn forget_push_token(&mut self) -> Result<(), Failure> {
        self.erase(PUSH_TOKEN)
    }

    /// The hash of the password without which nothing is taken by espota. One that is there and cannot be read is an
    /// error, and not as if there were none: the device would be open.
    pub(crate) fn espota_password(&mut self) -> Result<Option<PasswordHash>, Failure> {
        let mut text = [0; espota::hex::SHA256_DIGITS + 1];
        let found = self
            .nvs
            .get_str(NAMESPACE, ESPOTA_PASSWORD, &mut text)
            .map_err(failed)?;
        let unreadable = || {
            Failure::new(
                ReasonCode::ReadFailed,
                "NVS: the espota password is not the 32 or 64 hexadecimal digits of a hash; set it again",
            )
        };
        found
            .map(|digits| PasswordHash::from_hex(digits).ok_or_else(unreadable))
            .transpose()
    }

    pub(crate) fn set_espota_password(
        &mut self,
        hash: Option<&PasswordHash>,
    ) -> Result<(), Failure> {
        match hash {
            Some(hash) => self
                .nvs
                .set_str(NAMESPACE, ESPOTA_PASSWORD, hash.as_hex())
                .map_err(failed),
            None => self.erase(ESPOTA_PASSWORD),
        }
    }

    /// The events that are kept, the oldest first.
    pub(crate) fn log(&mut self) -> Result<Vec<LogEntry>, Failure> {
        let mut entries = Vec::new();
        let mut text = [0; log::MAX_ENTRY + 1];
        for key in 0..log::ENTRIES {
            let found = self
                .nvs
                .get_str(log::NAMESPACE, &LogEntry::key(key), &mut text);
            let found = match found {
                Ok(found) => found,
                Err(NvsError::Flash(error)) => return Err(failed(NvsError::Flash(error))),
                // An entry that cannot be read is one nobody can use: the others are shown.
                Err(_) => None,
            };
            entries.extend(found.and_then(LogEntry::parse));
        }
        entries.sort_by_key(|entry| entry.number);
        Ok(entries)
    }

    pub(crate) fn add_log(&mut self, entry: &LogEntry) -> Result<(), Failure> {
        let key = LogEntry::key(entry.number);
        self.nvs
            .set_str(log::NAMESPACE, &key, &entry.to_text())
            .map_err(failed)
    }

    /// Bytes of the image that are safely in the slot.
    pub(crate) fn written(&mut self) -> Result<u32, Failure> {
        let written = self.nvs.get(NAMESPACE, WRITTEN).map_err(failed)?;
        Ok(written.unwrap_or(0))
    }

    pub(crate) fn set_written(&mut self, bytes: u32) -> Result<(), Failure> {
        self.nvs.set(NAMESPACE, WRITTEN, bytes).map_err(failed)
    }

    /// The outcome the server has not acknowledged yet.
    pub(crate) fn report(&mut self) -> Result<Option<Report>, Failure> {
        self.json(REPORT)
    }

    pub(crate) fn set_report(&mut self, report: &Report) -> Result<(), Failure> {
        self.set_json(REPORT, report)
    }

    pub(crate) fn report_sent(&mut self) -> Result<(), Failure> {
        self.erase(REPORT)
    }

    /// The builds that were rolled back here last.
    pub(crate) fn refused(&mut self) -> Result<Refused, Failure> {
        let mut refused = Refused::default();
        let bytes = self.blob(REFUSED)?.unwrap_or_default();
        for (known, found) in refused.0.iter_mut().zip(bytes.chunks_exact(32)) {
            known.copy_from_slice(found);
        }
        Ok(refused)
    }

    /// Adds a build to them; the oldest one makes room.
    pub(crate) fn refuse(&mut self, elf_sha256: Digest) -> Result<(), Failure> {
        let mut refused = self.refused()?;
        if refused.check(elf_sha256).is_err() {
            return Ok(());
        }
        refused.0.rotate_right(1);
        refused.0[0] = elf_sha256.0;
        self.nvs
            .set_blob(NAMESPACE, REFUSED, refused.0.as_flattened())
            .map_err(failed)
    }

    /// What was wrong with the app on trial, in its own words.
    pub(crate) fn problem(&mut self) -> Result<Option<String>, Failure> {
        Ok(self
            .blob(PROBLEM)?
            .and_then(|bytes| String::from_utf8(bytes).ok()))
    }

    pub(crate) fn set_problem(&mut self, problem: &str) -> Result<(), Failure> {
        self.nvs
            .set_blob(NAMESPACE, PROBLEM, plain(problem, MAX_DETAIL).as_bytes())
            .map_err(failed)
    }

    pub(crate) fn forget_problem(&mut self) -> Result<(), Failure> {
        self.erase(BY_HAND)?;
        self.erase(PROBLEM)
    }

    /// A value of another version of this code, or damaged, counts as absent: what it stood for is begun
    /// again. An error here would come back at every try, and end all updating for good.
    fn blob(&mut self, key: &str) -> Result<Option<vec::Vec<u8>>, Failure> {
        let mut buffer = vec![0; MAX_VALUE];
        let found = match self.nvs.get_blob(NAMESPACE, key, &mut buffer) {
            Ok(found) => found.map(<[u8]>::len),
            Err(
                NvsError::BufferTooSmall { .. } | NvsError::Damaged | NvsError::WrongType { .. },
            ) => None,
            Err(error) => return Err(failed(error)),
        };
        Ok(found.map(|length| {
            buffer.truncate(length);
            buffer
        }))
    }

    fn json<T: DeserializeOwned>(&mut self, key: &str) -> Result<Option<T>, Failure> {
        let bytes = self.blob(key)?;
        Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    fn set_json(&mut self, key: &str, value: &impl Serialize) -> Result<(), Failure> {
        let json = serde_json::to_vec(value)
            .map_err(|error| Failure::new(ReasonCode::ProtocolError, error))?;
        if json.len() > MAX_VALUE {
            return Err(Failure::new(
                ReasonCode::WriteFailed,
                format_args!(
                    "NVS: {key} takes {} bytes, {MAX_VALUE} are kept",
                    json.len()
                ),
            ));
        }
        self.nvs.set_blob(NAMESPACE, key, &json).map_err(failed)
    }

    fn erase(&mut self, key: &str) -> Result<(), Failure> {
        self.nvs
            .erase_key(NAMESPACE, key)
            .map(|_| ())
            .map_err(failed)
    }
}
