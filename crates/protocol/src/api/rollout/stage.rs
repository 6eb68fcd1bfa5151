use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::Area;

/// How many devices a stage takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Size {
    /// A share in basis points, 1 to 10,000. At least one device, whatever the share.
    ShareBp(u16),
    /// This many devices.
    Count(u32),
}

/// What a stage's size is a part of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Of {
    /// The whole wave: what earlier stages took is part of it.
    #[default]
    Total,
    /// What earlier stages left: it comes on top of them.
    Remaining,
}

/// A share of a wave, then a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// How many devices.
    pub size: Size,
    /// Of what.
    #[serde(default)]
    pub of: Of,
    /// The least time from its opening to the next stage, in seconds.
    #[serde(default)]
    pub soak_s: u64,
}

impl Stage {
    /// Everybody.
    pub const ALL: Self = Self {
        size: Size::ShareBp(10_000),
        of: Of::Total,
        soak_s: 0,
    };

    /// Whether it takes the whole wave.
    pub const fn is_all(&self) -> bool {
        matches!(self.size, Size::ShareBp(10_000))
    }
}

/// A part of the target that comes after the parts before it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Wave {
    /// What people call it, such as `Building A`.
    pub name: String,
    /// Which devices of the target. A device belongs to the first wave that fits; an empty area fits all, so it
    /// comes last and takes the rest.
    #[serde(default)]
    pub area: Area,
    /// The earliest time its first stage opens, in seconds since the rollout's start.
    #[serde(default)]
    pub not_before_s: u64,
    /// Its stages, if they are not the plan's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stages: Option<Vec<Stage>>,
}
