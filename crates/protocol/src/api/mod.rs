//! The operator's API: what the command line, the pages and other programs send and get.

mod device;
mod error;
mod fleet;
mod release;
pub mod rollout;
mod token;

pub use device::{
    Deployment, DeploymentState, Device, DeviceChange, DeviceList, DeviceType, DeviceTypeChange,
};
pub use error::ErrorBody;
pub use fleet::FleetCounts;
pub use release::{
    BlockRequest, Channel, PromoteRequest, Release, ReleaseChange, ReleaseList, ReleaseStatus,
};
pub use token::{NewToken, Role, Token, TokenIssued};
