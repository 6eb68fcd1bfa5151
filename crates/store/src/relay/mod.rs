//! What relays keep, and what a primary keeps about them.

mod import;
mod issued;
mod relayed;
mod words;

pub use import::{RelayImport, RelaySettings};
pub use issued::IssuedSnapshot;
pub use relayed::{MAX_RELAYS, Relayed};
pub use words::{KeptWord, WaitingWords};

pub(crate) use words::insert;
