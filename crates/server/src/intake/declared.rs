use updraft_image::{Chip, Expect, Facts};
use updraft_protocol::api::{DeviceType, ReleaseStatus};
use updraft_protocol::version::{self, Version};
use updraft_protocol::{DeviceTypeName, Digest};
use updraft_store::{DEFAULT_SLOT_SIZE, NewRelease};

use crate::error::{ApiError, ApiResult};
use http::StatusCode;

/// What a publisher says of a file.
#[derive(Debug, Default)]
pub(crate) struct Declared {
    pub(crate) device_type: Option<DeviceTypeName>,
    pub(crate) version: Option<Version>,
    pub(crate) sha256: Option<Digest>,
    pub(crate) status: Option<ReleaseStatus>,
    pub(crate) channel: Option<String>,
    pub(crate) required: bool,
    pub(crate) description: String,
    pub(crate) from_versions: Option<String>,
    pub(crate) stepping_stone: bool,
}

/// The chip and the slot size that images of a type must fit: the type's own, or, for a type yet to be, what
/// its name says and the default.
fn bounds(name: &DeviceTypeName, known: Option<&DeviceType>) -> (Option<Chip>, u32) {
    match known {
        Some(known) => (known.chip.parse().ok(), known.slot_size),
        None => (name.as_str().parse().ok(), DEFAULT_SLOT_SIZE),
    }
}

impl Declared {
    /// What the image's head must show, as far as it is known before the first byte.
    pub(crate) fn expect(&self, known: Option<&DeviceType>) -> Expect {
        let Some(name) = &self.device_type else {
            return Expect::new();
        };
        let (chip, slot_size) = bounds(name, known);
        let expect = Expect::new().max_size(slot_size);
        match chip {
            Some(chip) => expect.chip(chip),
            None => expect,
        }
    }

    /// Checks the image's version, as soon as its head is there.
    pub(crate) fn check_version(&self, found: &str) -> ApiResult<Version> {
        let version = version::parse(found).map_err(|error| {
            ApiError::unprocessable(
                "version_not_semantic",
                format!("the image's own version: {error}"),
            )
            .hint("Set the app's version in the build (PROJECT_VER, or the package's version) and build again.")
        })?;
        match &self.version {
            Some(declared) if *declared != version => Err(ApiError::unprocessable(
                "version_mismatch",
                format!("the upload says version {declared}, the image itself says {version}"),
            )
            .hint(
                "The image's own version counts: upload the right file, or declare its version.",
            )),
            _ => Ok(version),
        }
    }

    /// Checks everything that was declared against the whole image, and makes a release of it.
    pub(crate) fn check(self, facts: &Facts, known: Option<&DeviceType>) -> ApiResult<NewRelease> {
        let app = &facts.head.app;
        let unreadable = |fault: updraft_image::Fault| image_fault(&fault);
        let version = self.check_version(app.version().map_err(unreadable)?)?;
        let sha256 = Digest(facts.file_sha256);
        if let Some(declared) = self.sha256
            && declared != sha256
        {
            return Err(ApiError::unprocessable(
                "sha256_mismatch",
                format!("the upload says SHA-256 {declared}, the file has {sha256}"),
            )
            .hint("The file was changed or damaged on its way; upload it again."));
        }
        let device_type = self.device_type.ok_or_else(|| missing("device_type"))?;
        let (chip, slot_size) = bounds(&device_type, known);
        if let Some(chip) = chip
            && chip != facts.head.chip
        {
            return Err(ApiError::unprocessable(
                "wrong_chip",
                format!(
                    "device type {device_type} is for {chip}, the image is for {}",
                    facts.head.chip
                ),
            )
            .hint(
                "Publish it under a device type of the image's chip, or build for the type's chip.",
            ));
        }
        if facts.size > slot_size {
            return Err(ApiError::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "too_large",
                format!(
                    "{} bytes do not fit the slot of {slot_size} bytes that {device_type} has",
                    facts.size
                ),
            )
            .hint("Make the app smaller, or set the type's slot size if its devices have larger slots (updraft type set)."));
        }
        let date = app.date().map_err(unreadable)?;
        let time = app.time().map_err(unreadable)?;
        Ok(NewRelease {
            device_type,
            version,
            status: self.status.unwrap_or(ReleaseStatus::Stable),
            channel: self.channel,
            required: self.required,
            description: self.description,
            from_versions: self.from_versions,
            stepping_stone: self.stepping_stone,
            chip: facts.head.chip.name().to_owned(),
            project: app.project_name().map_err(unreadable)?.to_owned(),
            size: facts.size,
            sha256,
            elf_sha256: Digest(app.app_elf_sha256),
            secure_version: app.secure_version,
            idf_version: app.idf_ver().map_err(unreadable)?.to_owned(),
            compile_time: format!("{date} {time}").trim().to_owned(),
        })
    }
}

/// A field that must be there and is not.
pub(crate) fn missing(field: &str) -> ApiError {
    ApiError::bad_request(
        "missing_field",
        format!("the field {field} is missing"),
    )
    .hint("An upload has the fields device_type and binary, and may have version, description, status, channel, required, sha256, from_versions, stepping_stone.")
}

/// What is wrong with an image, as an answer.
pub(crate) fn image_fault(fault: &updraft_image::Fault) -> ApiError {
    let status = match fault.code {
        updraft_image::FaultCode::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    };
    ApiError::new(status, fault.code.as_str(), fault.to_string()).hint(fault.hint())
}
