use alloc::collections::BTreeMap;
use alloc::string::String;

use serde::{Deserialize, Serialize};

/// How the fleet of one device type stands. `GET /api/fleet/{device_type}`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FleetCounts {
    /// Devices known.
    pub devices: u32,
    /// Devices by the version they said they run.
    pub versions: BTreeMap<String, u32>,
    /// By release version: devices by the state of their way to it.
    pub deployments: BTreeMap<String, BTreeMap<String, u32>>,
    /// By release version: devices by the reason of their failure.
    pub reasons: BTreeMap<String, BTreeMap<String, u32>>,
}
