//! What a device says of itself on the pull endpoints: by query, by header, or by its token.

use http::HeaderMap;
use serde::Deserialize;
use updraft_protocol::api::Attributes;
use updraft_protocol::api::relay::Asked;
use updraft_protocol::mqtt::{Format, VersionMessage};
use updraft_protocol::{CheckIn, DeviceId, Digest, ResetReason, SlotState};
use utoipa::IntoParams;

use crate::auth::{Caller, token_required};
use crate::error::{ApiError, ApiResult};
use crate::plain::plain;
use crate::state::AppState;
use http::StatusCode;

/// Longest text a device may say of itself in one field, in bytes: twice an app descriptor's field.
const MAX_WORD: usize = 64;

/// The query of the pull endpoints. Everything is optional; what a device does not say counts as unknown.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PullQuery {
    /// The device's name; also header `X-Device-Id`, or the device's own token.
    pub(crate) device_id: Option<DeviceId>,
    /// The version it runs; also header `X-Device-Version`.
    pub(crate) version: Option<String>,
    /// Its chip, such as `esp32c3`.
    pub(crate) chip: Option<String>,
    /// The ELF SHA-256 of the app it runs.
    pub(crate) elf_sha256: Option<Digest>,
    /// The lowest secure version it accepts.
    pub(crate) secure_version: Option<u32>,
    /// Size in bytes of the smallest slot an update could go to.
    pub(crate) slot_size: Option<u32>,
    /// The running slot.
    pub(crate) slot: Option<String>,
    /// The state of the running slot.
    pub(crate) state: Option<SlotState>,
    /// The region it is in; also header `X-Device-Region`.
    pub(crate) region: Option<String>,
    /// The site it is at; also header `X-Device-Site`.
    pub(crate) site: Option<String>,
    /// The group it belongs to; also header `X-Device-Group`.
    pub(crate) group: Option<String>,
    /// Its tags, separated by commas; also header `X-Device-Tags`.
    pub(crate) tags: Option<String>,
    /// What its own time is ahead of UTC, in minutes.
    pub(crate) utc_offset_minutes: Option<i16>,
}

/// What a device says of itself in one request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Words {
    pub(crate) version: Option<String>,
    pub(crate) elf_sha256: Option<Digest>,
    pub(crate) slot: Option<String>,
    pub(crate) state: Option<SlotState>,
    pub(crate) reset_reason: Option<ResetReason>,
    pub(crate) chip: Option<String>,
    pub(crate) secure_version: Option<u32>,
    pub(crate) slot_size: Option<u32>,
    /// Seconds between two check-ins by its own settings.
    pub(crate) poll_seconds: Option<u32>,
    /// Where it is and what it belongs to.
    pub(crate) attributes: Attributes,
    /// Whether it asks in a way whose answer may say when to activate.
    pub(crate) can_wait: bool,
}

impl Words {
    /// The words of a check-in.
    pub(crate) fn of_check_in(check_in: CheckIn) -> ApiResult<Self> {
        Self {
            version: Some(check_in.version),
            elf_sha256: check_in.elf_sha256,
            slot: check_in.slot,
            state: check_in.state,
            reset_reason: check_in.reset_reason,
            chip: check_in.chip,
            secure_version: check_in.secure_version,
            slot_size: check_in.slot_size,
            poll_seconds: check_in.poll_seconds,
            attributes: Attributes {
                region: check_in.region,
                site: check_in.site,
                group: check_in.group,
                tags: check_in.tags,
                utc_offset_minutes: check_in.utc_offset_minutes,
            },
            can_wait: true,
        }
        .checked()
    }

    /// The words of a version message.
    pub(crate) fn of_version_message(message: VersionMessage) -> ApiResult<Self> {
        Self {
            version: Some(message.version),
            elf_sha256: message.elf_sha256,
            slot: message.slot,
            state: message.state,
            reset_reason: message.reset_reason,
            chip: message.chip,
            secure_version: message.secure_version,
            slot_size: message.slot_size,
            // It asks by its own habit over HTTP, if at all.
            poll_seconds: None,
            attributes: Attributes::default(),
            can_wait: message.format == Format::Json,
        }
        .checked()
    }

    /// The words of a question that came by a relay.
    pub(crate) fn of_asked(asked: &Asked) -> ApiResult<Self> {
        let asked = asked.clone();
        Self {
            version: asked.version,
            elf_sha256: asked.elf_sha256,
            slot: asked.slot,
            state: asked.state,
            reset_reason: asked.reset_reason,
            chip: asked.chip,
            secure_version: asked.secure_version,
            slot_size: asked.slot_size,
            poll_seconds: asked.poll_seconds,
            attributes: asked.attributes,
            // The relay has decided.
            can_wait: false,
        }
        .checked()
    }

    /// The same as a relay passes them on.
    pub(crate) fn to_asked(&self) -> Asked {
        let words = self.clone();
        Asked {
            version: words.version,
            elf_sha256: words.elf_sha256,
            slot: words.slot,
            state: words.state,
            reset_reason: words.reset_reason,
            chip: words.chip,
            secure_version: words.secure_version,
            slot_size: words.slot_size,
            poll_seconds: words.poll_seconds,
            attributes: words.attributes,
        }
    }

    /// Bounds what will be kept, and writes the chip as device types do.
    fn checked(mut self) -> ApiResult<Self> {
        for (name, word) in [
            ("version", &mut self.version),
            ("slot", &mut self.slot),
            ("chip", &mut self.chip),
        ] {
            let Some(word) = word else { continue };
            *word = plain(word);
            if word.len() > MAX_WORD {
                return Err(ApiError::bad_request(
                    "word_too_long",
                    format!("{name} is longer than {MAX_WORD} bytes"),
                ));
            }
        }
        if let Some(chip) = &mut self.chip
            && let Ok(known) = chip.parse::<updraft_image::Chip>()
        {
            known.name().clone_into(chip);
        }
        self.attributes = self
            .attributes
            .checked()
            .map_err(|error| ApiError::bad_request(error.code(), error.to_string()))?;
        Ok(self)
    }
}

impl PullQuery {
    /// Adds what the headers say to what the query says, and splits off the device's name.
    pub(crate) fn with_headers(
        mut self,
        headers: &HeaderMap,
    ) -> ApiResult<(Option<DeviceId>, Words)> {
        if self.device_id.is_none()
            && let Some(text) = header(headers, "x-device-id")?
        {
            let id = text.parse().map_err(|error| {
                ApiError::bad_request("bad_device_id", format!("X-Device-Id: {error}"))
            })?;
            self.device_id = Some(id);
        }
        if self.version.is_none() {
            self.version = header(headers, "x-device-version")?.map(str::to_owned);
        }
        let attributes = self.attributes(headers)?;
        let words = Words {
            version: self.version,
            elf_sha256: self.elf_sha256,
            slot: self.slot,
            state: self.state,
            reset_reason: None,
            chip: self.chip,
            secure_version: self.secure_version,
            slot_size: self.slot_size,
            poll_seconds: None,
            attributes,
            // Clients of the seeds install what they find.
            can_wait: false,
        };
        Ok((self.device_id, words.checked()?))
    }
}

impl PullQuery {
    /// Where the device says it is, by query or header.
    fn attributes(&mut self, headers: &HeaderMap) -> ApiResult<Attributes> {
        let said = |query: &mut Option<String>, name| -> ApiResult<Option<String>> {
            match query.take() {
                Some(text) => Ok(Some(text)),
                None => Ok(header(headers, name)?.map(str::to_owned)),
            }
        };
        let tags = said(&mut self.tags, "x-device-tags")?.unwrap_or_default();
        Ok(Attributes {
            region: said(&mut self.region, "x-device-region")?,
            site: said(&mut self.site, "x-device-site")?,
            group: said(&mut self.group, "x-device-group")?,
            tags: tags
                .split(',')
                .map(str::trim)
                .filter(|tag| !tag.is_empty())
                .map(str::to_owned)
                .collect(),
            utc_offset_minutes: self.utc_offset_minutes,
        })
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> ApiResult<Option<&'a str>> {
    let Some(value) = headers.get(name) else {
        return Ok(None);
    };
    value
        .to_str()
        .map(|text| Some(text.trim()).filter(|text| !text.is_empty()))
        .map_err(|_| ApiError::bad_request("bad_header", format!("{name} is not plain text")))
}

/// Which device is speaking: its token's, else the one it (or an operator) names. A token speaks for its own
/// device only, and a device that has a token must use it.
pub(crate) fn identify(
    state: &AppState,
    caller: &Caller,
    named: Option<DeviceId>,
) -> ApiResult<Option<DeviceId>> {
    match (caller, named) {
        (Caller::Device(own), Some(named)) if *own != named => Err(ApiError::new(
            StatusCode::FORBIDDEN,
            "not_your_device",
            format!("this token is for device {own}, not for {named}"),
        )),
        (Caller::Device(own), _) => Ok(Some(own.clone())),
        (Caller::Nobody, Some(named)) if state.devices().is_enrolled(&named) => {
            Err(token_required().hint("This device has a token of its own and must send it."))
        }
        (_, named) => Ok(named),
    }
}
