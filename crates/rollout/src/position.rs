use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Into how many buckets devices fall: shares are basis points.
pub const BUCKETS: u16 = 10_000;

/// Where a device stands in the order in which a rollout takes devices. The order is by bucket, and within one by hash,
/// so that a stage may end between two devices of one bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Position {
    /// 0 to 9,999; more only in [`Position::MAX`].
    pub bucket: u16,
    /// The whole hash.
    pub hash: u64,
}

impl Position {
    /// Beyond every device: the bound of a stage that takes all.
    pub const MAX: Self = Self {
        bucket: u16::MAX,
        hash: u64::MAX,
    };

    /// The position of a device: the first 8 bytes of SHA-256(salt ‖ device id), little-endian, and that modulo 10,000.
    /// The salt is the release's id unless the plan names one, so that the first devices are others each time.
    pub fn of(salt: &str, device_id: &str) -> Self {
        let digest = Sha256::new()
            .chain_update(salt.as_bytes())
            .chain_update(device_id.as_bytes())
            .finalize();
        let mut first = [0; 8];
        first.copy_from_slice(&digest[..8]);
        let hash = u64::from_le_bytes(first);
        Self {
            bucket: (hash % u64::from(BUCKETS)) as u16,
            hash,
        }
    }
}
