use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

/// What a rollout would do, counted before it starts. The first six numbers add up to the devices of the type.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Preview {
    /// Devices that would be updated.
    pub eligible: u32,
    /// Devices that run this version or a higher one.
    pub current: u32,
    /// Devices that were not seen lately and are not waited for; they are updated when they return.
    pub unreachable: u32,
    /// Devices of the target that cannot take it.
    pub incompatible: u32,
    /// Devices of the type that the target leaves out.
    pub outside: u32,
    /// Devices on the list of exclusions.
    pub excluded: u32,
    /// Why devices cannot take it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub why: Vec<Incompatible>,
    /// Doors that open one way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub one_way: Vec<OneWayDoor>,
    /// The waves.
    pub waves: Vec<WavePreview>,
}

/// Devices that cannot take a release for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Incompatible {
    /// A stable code, such as `too_big`.
    pub code: String,
    /// The rule, as the first of these devices met it.
    pub reason: String,
    /// How many.
    pub devices: u32,
    /// Some of them, at most [`Incompatible::MAX_EXAMPLES`].
    pub examples: Vec<String>,
}

impl Incompatible {
    /// Most devices named as examples.
    pub const MAX_EXAMPLES: usize = 10;
}

/// Something a rollout does that cannot be undone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OneWayDoor {
    /// A stable code, such as `secure_version`.
    pub code: String,
    /// What it is, and what it means.
    pub text: String,
    /// How many devices go through it.
    pub devices: u32,
}

/// One wave, counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WavePreview {
    /// Its name.
    pub name: String,
    /// Its devices that would be updated.
    pub devices: u32,
    /// How many of them after each stage.
    pub after_stage: Vec<u32>,
}
