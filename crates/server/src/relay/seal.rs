//! Signing snapshots and telling whose they are: Ed25519 (RFC 8032).

use std::fmt;
use std::str::FromStr;

use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use sha2::{Digest as _, Sha256};
use updraft_protocol::Digest;
use updraft_protocol::api::relay::{SNAPSHOT_DOMAIN, SnapshotSeal};

use super::RelayError;

/// What stands before the secret that a key is made of.
const SEED_DOMAIN: &[u8] = b"updraft relay key 1\n";

/// Bytes of a signature.
const SIGNATURE: usize = 64;

/// The key a primary signs by.
#[derive(Debug)]
pub(crate) struct SigningKey(Option<Ed25519KeyPair>);

impl SigningKey {
    /// The key that belongs to this secret, always the same.
    pub(crate) fn of(secret: &str) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(SEED_DOMAIN);
        hasher.update(secret.as_bytes());
        let seed: [u8; 32] = hasher.finalize().into();
        // Every 32 bytes are a seed.
        Self(Ed25519KeyPair::from_seed_unchecked(&seed).ok())
    }

    /// Its public half.
    pub(crate) fn public(&self) -> PublicKey {
        let bytes = self.0.as_ref().map(|pair| *pair.public_key());
        let bytes = bytes.and_then(|key| key.as_ref().try_into().ok());
        PublicKey(bytes.unwrap_or_default())
    }

    /// Vouches for a payload.
    pub(crate) fn seal(&self, payload: &[u8]) -> SnapshotSeal {
        let signature = self.0.as_ref().map(|pair| pair.sign(&signed(payload)));
        SnapshotSeal {
            key: self.public().to_string(),
            signature: signature.map_or_else(String::new, |signature| hex(signature.as_ref())),
        }
    }
}

/// The bytes that are signed.
fn signed(payload: &[u8]) -> Vec<u8> {
    [SNAPSHOT_DOMAIN, payload].concat()
}

fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The public half of the key a primary signs snapshots by: 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey([u8; 32]);

/// The text is no public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a primary's public key is 64 hexadecimal digits; GET /api/relay/key on the primary shows it"
)]
pub struct UnreadableKey;

impl PublicKey {
    /// Whether this key's owner vouches for the payload.
    pub(crate) fn check(&self, seal: &SnapshotSeal, payload: &[u8]) -> Result<(), RelayError> {
        if seal.key.parse() != Ok(*self) {
            return Err(RelayError::WrongKey {
                known: self.to_string(),
                found: seal.key.chars().take(64).collect(),
            });
        }
        let signature = signature(&seal.signature).ok_or(RelayError::BadSignature)?;
        UnparsedPublicKey::new(&ED25519, &self.0)
            .verify(&signed(payload), &signature)
            .map_err(|_| RelayError::BadSignature)
    }
}

fn signature(text: &str) -> Option<[u8; SIGNATURE]> {
    let (first, second) = text.split_at_checked(SIGNATURE)?;
    let halves: [Digest; 2] = [first.parse().ok()?, second.parse().ok()?];
    let mut bytes = [0; SIGNATURE];
    for (half, digest) in bytes.chunks_exact_mut(32).zip(halves) {
        half.copy_from_slice(&digest.0);
    }
    Some(bytes)
}

impl FromStr for PublicKey {
    type Err = UnreadableKey;

    fn from_str(text: &str) -> Result<Self, UnreadableKey> {
        let digits: Digest = text.trim().parse().map_err(|_| UnreadableKey)?;
        Ok(Self(digits.0))
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_owner_of_the_key_vouches_and_only_for_these_bytes() {
        let (key, other) = (SigningKey::of("a secret"), SigningKey::of("another"));
        let seal = key.seal(b"payload");
        assert_eq!(key.public().check(&seal, b"payload"), Ok(()));
        assert_eq!(
            key.public().check(&seal, b"payloaf"),
            Err(RelayError::BadSignature)
        );
        assert!(other.public().check(&seal, b"payload").is_err());
        let forged = SnapshotSeal {
            key: key.public().to_string(),
            ..other.seal(b"payload")
        };
        assert_eq!(
            key.public().check(&forged, b"payload"),
            Err(RelayError::BadSignature)
        );
        assert_eq!(key.public().to_string().parse(), Ok(key.public()));
    }
}
