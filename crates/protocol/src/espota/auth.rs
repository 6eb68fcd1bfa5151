//! Knowing the password without sending it: both schemes, from the password's hash.
//!
//! - MD5: `response = md5(md5hex(password) ":" nonce ":" cnonce)`.
//! - SHA-256: `key = PBKDF2-HMAC-SHA256(hash of the password in hexadecimal, nonce ":" cnonce, 10,000)` and
//!   `response = sha256(hex(key) ":" nonce ":" cnonce)`. The hash is SHA-256, or MD5 on a device whose password
//!   was set by an older core.

use core::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use md5::Md5;
use sha2::{Digest as _, Sha256};

use super::hex::Hex;

/// How often PBKDF2 hashes. Both sides must agree, so it never changes.
pub const ROUNDS: u32 = 10_000;

/// How response and nonces are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Nonces of 32 digits; every core before 3.3.1.
    Md5,
    /// Nonces of 64 digits; core 3.3.1 and later.
    Sha256,
}

impl Scheme {
    /// The scheme a nonce of that length belongs to.
    pub const fn of(nonce: &Hex) -> Self {
        match nonce.len() {
            super::hex::MD5_DIGITS => Self::Md5,
            _ => Self::Sha256,
        }
    }
}

/// A password as a device stores it: hashed, so that the flash does not give it away to every eye. It opens the
/// device all the same, and its `Debug` form does not show it.
#[derive(Clone, Copy)]
pub struct PasswordHash(Hex);

impl PasswordHash {
    /// The MD5 of a password: what older cores store.
    pub fn md5(password: &[u8]) -> Self {
        Self(md5(&[password]))
    }

    /// The SHA-256 of a password.
    pub fn sha256(password: &[u8]) -> Self {
        Self(sha256(&[password]))
    }

    /// A stored hash: 32 (MD5) or 64 (SHA-256) hexadecimal digits; `None` for anything else. Stored in capitals it
    /// is read as if in lowercase, because that is how the host hashes it.
    pub fn from_hex(digits: &str) -> Option<Self> {
        let mut lower = [0; super::hex::SHA256_DIGITS];
        let lower = lower.get_mut(..digits.len())?;
        lower.copy_from_slice(digits.as_bytes());
        lower.make_ascii_lowercase();
        Hex::parse(lower).map(Self)
    }

    /// The digits, to be stored.
    pub fn as_hex(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(..)")
    }
}

/// What proves to know the password: a scheme and the hash it starts from.
#[derive(Debug, Clone, Copy)]
pub struct Credential {
    scheme: Scheme,
    hash: PasswordHash,
}

impl Credential {
    /// The scheme of cores before 3.3.1; its hash is an MD5, so `None` for a SHA-256.
    pub fn md5(hash: PasswordHash) -> Option<Self> {
        let scheme = Scheme::of(&hash.0);
        (scheme == Scheme::Md5).then_some(Self { scheme, hash })
    }

    /// The scheme of core 3.3.1 and later, from either hash.
    pub const fn sha256(hash: PasswordHash) -> Self {
        Self {
            scheme: Scheme::Sha256,
            hash,
        }
    }

    /// The scheme.
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Cuts 32 random bytes to a nonce of this scheme.
    pub fn nonce(&self, random: &[u8; 32]) -> Hex {
        match (self.scheme, random.first_chunk()) {
            (Scheme::Md5, Some(half)) => Hex::of_16(half),
            _ => Hex::of_32(random),
        }
    }

    /// Begins to compute the response to a challenge.
    pub fn prove(&self, nonce: Hex, cnonce: Hex) -> Proof {
        let hash = self.hash.0;
        let work = match self.scheme {
            Scheme::Md5 => Work::Done(md5(&[
                hash.as_bytes(),
                b":",
                nonce.as_bytes(),
                b":",
                cnonce.as_bytes(),
            ])),
            Scheme::Sha256 => Work::Deriving(Derivation::new(hash, &nonce, &cnonce)),
        };
        Proof {
            nonce,
            cnonce,
            work,
        }
    }
}

/// A response being computed. SHA-256's 10,000 rounds take a chip seconds; it does some, sees to its watchdog and
/// its network, and goes on. The MD5 scheme is done at once.
#[derive(Clone)]
pub struct Proof {
    nonce: Hex,
    cnonce: Hex,
    work: Work,
}

#[derive(Clone)]
enum Work {
    Deriving(Derivation),
    Done(Hex),
}

impl Proof {
    /// Does at most `rounds` rounds more; the response once it is there.
    pub fn step(&mut self, rounds: u32) -> Option<Hex> {
        if let Work::Deriving(derivation) = &mut self.work
            && let Some(key) = derivation.step(rounds)
        {
            let key = Hex::of_32(&key);
            self.work = Work::Done(sha256(&[
                key.as_bytes(),
                b":",
                self.nonce.as_bytes(),
                b":",
                self.cnonce.as_bytes(),
            ]));
        }
        match self.work {
            Work::Deriving(_) => None,
            Work::Done(response) => Some(response),
        }
    }

    /// Does all that is left.
    pub fn finish(mut self) -> Hex {
        loop {
            if let Some(response) = self.step(ROUNDS) {
                return response;
            }
        }
    }
}

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Proof(..)")
    }
}

/// PBKDF2-HMAC-SHA256 (RFC 8018, section 5.2) of one block, 32 bytes, a few rounds at a time.
#[derive(Clone)]
struct Derivation {
    keyed: Hmac<Sha256>,
    last: [u8; 32],
    sum: [u8; 32],
    left: u32,
}

impl Derivation {
    fn new(hash: Hex, nonce: &Hex, cnonce: &Hex) -> Self {
        // A key as long as the hash's block, filled up with zeros, is the same key: HMAC fills it up itself.
        let mut key = [0; 64];
        key.iter_mut()
            .zip(hash.as_bytes())
            .for_each(|(to, from)| *to = *from);
        let keyed = Hmac::new(&key.into());
        let mut first = keyed.clone();
        for part in [
            nonce.as_bytes(),
            b":",
            cnonce.as_bytes(),
            &1_u32.to_be_bytes(),
        ] {
            first.update(part);
        }
        let first = first.finalize().into_bytes().into();
        Self {
            keyed,
            last: first,
            sum: first,
            left: ROUNDS - 1,
        }
    }

    fn step(&mut self, rounds: u32) -> Option<[u8; 32]> {
        let now = rounds.min(self.left);
        for _ in 0..now {
            let mut next = self.keyed.clone();
            next.update(&self.last);
            self.last = next.finalize().into_bytes().into();
            for (sum, byte) in self.sum.iter_mut().zip(&self.last) {
                *sum ^= byte;
            }
        }
        self.left -= now;
        (self.left == 0).then_some(self.sum)
    }
}

fn md5(parts: &[&[u8]]) -> Hex {
    let mut hash = Md5::new();
    for part in parts {
        hash.update(part);
    }
    Hex::of_16(&hash.finalize().into())
}

fn sha256(parts: &[&[u8]]) -> Hex {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    Hex::of_32(&hash.finalize().into())
}
