//! Signatures by the Standard Webhooks convention, version 1: HMAC-SHA256 over id, time and body.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// What a secret begins with.
const SECRET_PREFIX: &str = "whsec_";

/// Bytes of a secret that the convention allows.
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// Bytes of a secret that the server makes.
const NEW_SECRET: usize = 32;

/// The text is no secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BadSecret;

/// Signs deliveries.
#[derive(Debug, Clone)]
pub(crate) struct Signer(Vec<u8>);

impl Signer {
    /// Reads `whsec_` and base64.
    pub(crate) fn new(secret: &str) -> Result<Self, BadSecret> {
        let text = secret.strip_prefix(SECRET_PREFIX).ok_or(BadSecret)?;
        let key = STANDARD.decode(text).map_err(|_| BadSecret)?;
        if !SECRET_BYTES.contains(&key.len()) {
            return Err(BadSecret);
        }
        Ok(Self(key))
    }

    /// A new random secret, as text.
    pub(crate) fn random() -> Result<String, getrandom::Error> {
        let mut key = [0; NEW_SECRET];
        getrandom::fill(&mut key)?;
        Ok(format!("{SECRET_PREFIX}{}", STANDARD.encode(key)))
    }

    /// The header `webhook-signature`.
    pub(crate) fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> Option<String> {
        // A key of any length will do.
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body);
        let signature = STANDARD.encode(mac.finalize().into_bytes());
        Some(format!("v1,{signature}"))
    }
}
