//! What devices said to a relay, in order, for its primary: `POST /api/relay/words`.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::api::Attributes;
use crate::{DeviceId, DeviceTypeName, Digest, Report, ResetReason, SlotState};

/// Most words in one request: about half a megabyte of them.
pub const MAX_WORDS: usize = 500;

/// Some words that wait at a relay, in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RelayWords {
    /// The relay's own random name, made with its journal: the numbers of its words count within it.
    pub relay: String,
    /// Everything that was said there before this Unix time has been told, with these words.
    pub told_until: i64,
    /// The words; at most [`MAX_WORDS`].
    pub words: Vec<RelayWord>,
}

/// What one device said to a relay, or was offered there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RelayWord {
    /// Its number: a device's words are taken in order, each once.
    pub seq: i64,
    /// When it was said, Unix seconds.
    pub at: i64,
    /// The device.
    pub device_id: DeviceId,
    /// What the device is.
    pub device_type: DeviceTypeName,
    /// What was said.
    pub said: Said,
}

/// What was said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// The device asked, and said what it runs.
    Asked(Asked),
    /// The relay offered it a release.
    Offered(SaidOffer),
    /// The device reported.
    Reported(Report),
}

/// What a device said of itself when it asked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct Asked {
    /// The version it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The ELF SHA-256 it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub elf_sha256: Option<Digest>,
    /// The running slot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slot: Option<String>,
    /// The state of the running slot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<SlotState>,
    /// Why it last reset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reset_reason: Option<ResetReason>,
    /// Its chip.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chip: Option<String>,
    /// The lowest secure version it accepts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secure_version: Option<u32>,
    /// Size in bytes of the smallest slot an update could go to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slot_size: Option<u32>,
    /// Seconds between its questions, as the relay saw them, else as it said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub poll_seconds: Option<u32>,
    /// Where it is and what it belongs to.
    #[serde(skip_serializing_if = "Attributes::is_empty")]
    pub attributes: Attributes,
}

/// What a relay offered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SaidOffer {
    /// The release.
    pub release_id: String,
    /// The rollout it came by, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout_id: Option<String>,
    /// The rollout's step that was open, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<u32>,
}

/// The primary has them on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RelayReceipt {
    /// How many of them were news.
    pub taken: u32,
    /// How many were known already: sent again after an answer that got lost.
    pub known: u32,
    /// How many could not be taken at all: they name no device that may be known.
    pub refused: u32,
}
