//! Relays: what a primary gives them, and what a server does that is one.
//!
//! A relay is a server whose releases, rollouts and devices are its primary's, taken over from a signed snapshot, and
//! whose release files are fetched from there, once each. What devices ask is answered by the same handlers and the
//! same decisions; what they say is kept on disk with what it changes here, and told to the primary in order.

mod cache;
mod config;
mod error;
mod fetch;
mod forward;
mod hear;
mod issue;
mod learn;
mod open;
mod prefetch;
mod seal;
mod side;
mod sync;
mod take;

mod upstream;

pub use config::RelayConfig;
pub use seal::{PublicKey, UnreadableKey};

pub(crate) use cache::Lease;
pub(crate) use config::MAX_WAITING_WORDS;
pub(crate) use error::RelayError;
pub(crate) use fetch::artifact;
pub(crate) use hear::hear;
pub(crate) use issue::Issuer;
pub(crate) use seal::SigningKey;
pub(crate) use side::{RelayHealth, RelaySide};
pub(crate) use sync::start;
pub(crate) use upstream::Upstream;
