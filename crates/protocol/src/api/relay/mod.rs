//! What a relay and its primary tell each other: a signed snapshot one way, devices' words the other.

mod snapshot;
mod words;

pub use snapshot::{
    RelayedDevice, RelayedRollout, SNAPSHOT_DOMAIN, SNAPSHOT_FORMAT, SnapshotBody, SnapshotHead,
    SnapshotSeal,
};
pub use words::{Asked, MAX_WORDS, RelayReceipt, RelayWord, RelayWords, Said, SaidOffer};
