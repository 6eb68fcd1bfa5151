//! The snapshot a relay decides from: `GET /api/relay/snapshot`.
//!
//! The answer is two parts with a line feed between: one line of JSON, the [`SnapshotSeal`], and the payload, the JSON
//! object `{"head": SnapshotHead, "body": SnapshotBody}`. The seal's signature is Ed25519 (RFC 8032) over
//! [`SNAPSHOT_DOMAIN`] followed by the payload's bytes as they came.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::api::rollout::RolloutPlan;
use crate::api::{Attributes, Channel, Deployment, DeviceType, Hold, Release, SetAttributes};
use crate::{DeviceId, DeviceTypeName, Digest};

/// The format of the payload. A relay refuses one it does not know: the primary was upgraded before it.
pub const SNAPSHOT_FORMAT: u32 = 1;

/// What stands before the payload where it is signed, so that no signature made for anything else fits.
pub const SNAPSHOT_DOMAIN: &[u8] = b"updraft relay snapshot 1\n";

/// Who vouches for a payload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotSeal {
    /// The Ed25519 public key, 64 hexadecimal digits.
    pub key: String,
    /// The signature, 128 hexadecimal digits.
    pub signature: String,
}

/// Which snapshot this is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotHead {
    /// [`SNAPSHOT_FORMAT`].
    pub format: u32,
    /// Grows with every snapshot that is issued. A relay never goes back.
    pub revision: i64,
    /// When it was issued, Unix seconds.
    pub issued_at: i64,
    /// When it stops to hold, Unix seconds: nothing is offered from it any more.
    pub expires_at: i64,
    /// Whose devices it holds; everybody's if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
}

/// All that offers are decided from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotBody {
    /// Device types, by name.
    pub types: Vec<DeviceType>,
    /// Channels, by device type and name.
    pub channels: Vec<Channel>,
    /// Releases, by id. Each names its file by size and SHA-256.
    pub releases: Vec<Release>,
    /// Rollouts that were started, the oldest first.
    pub rollouts: Vec<RelayedRollout>,
    /// The devices, by id.
    pub devices: Vec<RelayedDevice>,
}

/// A rollout as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelayedRollout {
    /// Its id.
    pub id: String,
    /// What it is for.
    pub device_type: DeviceTypeName,
    /// The release it gives.
    pub release_id: String,
    /// That release's version.
    pub version: String,
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// How it goes.
    pub plan: RolloutPlan,
    /// Where its machine stands: state, open step, bound, counters. A JSON object of the machine's own.
    pub machine: String,
    /// Devices outside of this snapshot that are under way in it: they count towards the cap of the fleet.
    #[serde(default)]
    pub elsewhere: u32,
    /// When it was drafted, Unix seconds.
    pub created_at: i64,
    /// Who drafted it.
    pub created_by: String,
}

/// What a decision has to know of a device that the device does not say itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelayedDevice {
    /// Its name.
    pub id: DeviceId,
    /// What it is.
    pub device_type: DeviceTypeName,
    /// The channel it follows.
    pub channel: String,
    /// SHA-256 of its token, if it has one: enough to know the token by, and of no use for acting as the device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<Digest>,
    /// What it said of where it is.
    #[serde(default, skip_serializing_if = "Attributes::is_empty")]
    pub said: Attributes,
    /// What an operator set of the same.
    #[serde(default)]
    pub set: SetAttributes,
    /// The only version it is to run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pin: Option<String>,
    /// Why it is offered nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
    /// Its ways to releases, the latest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deployments: Vec<Deployment>,
}
