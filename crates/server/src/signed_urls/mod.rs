//! URLs that a device may fetch one artifact by, for some minutes, without a token.
//!
//! A URL is signed with HMAC-SHA-256 over the device, the artifact, the moment it expires, the key's number and how
//! often the device's URLs were revoked. It has a short form, for clients whose request must fit into 512 bytes
//! (ESP-IDF's default), and a full one that shows what it is about.

mod claim;
mod config;
mod keys;
mod signer;

pub(crate) use claim::{Claim, ReleaseKey, Signed};
pub use config::{Delivery, SignedUrls, URL_LIFETIME, UnknownDelivery};
pub(crate) use keys::KeyRing;
pub(crate) use signer::{deliver, order_url, signed_path, verify};
