use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;
use updraft_protocol::DeviceId;

/// Sets these signatures apart from anything else a key might ever sign.
const DOMAIN: &[u8] = b"updraft signed url 1\0";

/// Bytes of a release's id, which is written as twice as many hexadecimal digits.
const ID: usize = 12;

/// Bytes of a signature in the short form. Half of HMAC-SHA-256, the least RFC 2104 advises: 2^128 guesses.
const SHORT_MAC: usize = 16;

/// Bytes of a short token: key, expiry, release, signature.
const TOKEN: usize = 4 + 4 + ID + SHORT_MAC;

/// What a URL allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Claim {
    /// To whom.
    pub(crate) device: DeviceId,
    /// Which release.
    pub(crate) release: ReleaseKey,
    /// Until when, Unix seconds. 32 bits without a sign last until 2106.
    pub(crate) expires: u32,
    /// Which key signed it.
    pub(crate) key: u32,
}

/// A release's id as bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ReleaseKey([u8; ID]);

impl ReleaseKey {
    /// The id's bytes; none for what is no id of ours.
    pub(crate) fn parse(id: &str) -> Option<Self> {
        let digits = id.as_bytes();
        if digits.len() != 2 * ID {
            return None;
        }
        let mut bytes = [0; ID];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let &[high, low] = pair else { return None };
            *byte = nibble(high)? << 4 | nibble(low)?;
        }
        Some(Self(bytes))
    }

    /// The id as it is written.
    pub(crate) fn id(self) -> String {
        use std::fmt::Write as _;
        self.0.iter().fold(String::new(), |mut text, byte| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}

/// Lower case only: one id has one URL.
fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

/// A claim with its signature, as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Signed {
    pub(crate) claim: Claim,
    /// 16 bytes of the short form, or all 32.
    mac: Vec<u8>,
}

impl Claim {
    fn mac(&self, secret: &[u8; 32], revocations: i64) -> [u8; 32] {
        // HMAC takes keys of any length.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else {
            return [0; 32];
        };
        let device = self.device.as_str().as_bytes();
        mac.update(DOMAIN);
        // All fields but the device's name have a fixed length, and it comes with its own.
        mac.update(&(device.len() as u32).to_be_bytes());
        mac.update(device);
        mac.update(&self.release.0);
        mac.update(&self.expires.to_be_bytes());
        mac.update(&self.key.to_be_bytes());
        mac.update(&revocations.to_be_bytes());
        mac.finalize().into_bytes().into()
    }

    /// The path of the short form: `/d/{device}/{48 characters}`.
    pub(crate) fn short_path(&self, secret: &[u8; 32], revocations: i64) -> String {
        let mac = self.mac(secret, revocations);
        let mut token = Vec::with_capacity(TOKEN);
        token.extend_from_slice(&self.key.to_be_bytes());
        token.extend_from_slice(&self.expires.to_be_bytes());
        token.extend_from_slice(&self.release.0);
        token.extend_from_slice(&mac[..SHORT_MAC]);
        format!("/d/{}/{}", self.device, URL_SAFE_NO_PAD.encode(token))
    }

    /// The path of the full form.
    pub(crate) fn full_path(&self, secret: &[u8; 32], revocations: i64) -> String {
        let signature = updraft_protocol::Digest(self.mac(secret, revocations));
        format!(
            "/signed/{}/{}/firmware.bin?expires={}&key={}&signature={signature}",
            self.device,
            self.release.id(),
            self.expires,
            self.key
        )
    }
}

impl Signed {
    /// Reads the token of a short URL.
    pub(crate) fn short(device: DeviceId, token: &str) -> Option<Self> {
        // Longer texts are not even decoded.
        if token.len() != TOKEN.div_ceil(3) * 4 {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (key, rest) = bytes.split_first_chunk()?;
        let (expires, rest) = rest.split_first_chunk()?;
        let (release, mac) = rest.split_first_chunk()?;
        (mac.len() == SHORT_MAC).then(|| Self {
            claim: Claim {
                device,
                release: ReleaseKey(*release),
                expires: u32::from_be_bytes(*expires),
                key: u32::from_be_bytes(*key),
            },
            mac: mac.to_vec(),
        })
    }

    /// Puts the parts of a full URL together.
    pub(crate) fn full(claim: Claim, signature: updraft_protocol::Digest) -> Self {
        Self {
            claim,
            mac: signature.0.to_vec(),
        }
    }

    /// Whether `secret` signed exactly this, and nothing was revoked since.
    pub(crate) fn is_signed_by(&self, secret: &[u8; 32], revocations: i64) -> bool {
        let right = self.claim.mac(secret, revocations);
        right
            .get(..self.mac.len())
            .is_some_and(|right| self.mac.len() >= SHORT_MAC && bool::from(right.ct_eq(&self.mac)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim() -> Claim {
        Claim {
            device: "d".parse().unwrap(),
            release: ReleaseKey::parse("01a1fbbeb1c4000301273e9d").unwrap(),
            expires: 2_000_000_000,
            key: 7,
        }
    }

    #[test]
    fn a_signature_is_hmac_sha_256_over_all_that_is_said() {
        // By Python's hmac module, over the documented bytes:
        // hmac.new(bytes(range(32)), b"updraft signed url 1\0" + struct.pack(">I", 1) + b"d" +
        //   bytes.fromhex("01a1fbbeb1c4000301273e9d") + struct.pack(">IIq", 2000000000, 7, 3), "sha256").hexdigest()
        let secret = std::array::from_fn(|index| index as u8);
        let mac = updraft_protocol::Digest(claim().mac(&secret, 3));
        assert_eq!(mac.to_string(), PYTHON);
    }

    const PYTHON: &str = "6f889ee45faa9715084d6874072c5992d205adaad709120fb35d87fbc61d314a";

    #[test]
    fn every_changed_part_spoils_it() {
        let secret = [9; 32];
        let path = claim().short_path(&secret, 1);
        let token = path.rsplit('/').next().unwrap();
        let signed = Signed::short("d".parse().unwrap(), token).unwrap();
        assert_eq!(signed.claim, claim());
        assert!(signed.is_signed_by(&secret, 1));
        assert!(!signed.is_signed_by(&secret, 2), "revoked");
        assert!(!signed.is_signed_by(&[8; 32], 1), "another key");
        let other = Signed::short("e".parse().unwrap(), token).unwrap();
        assert!(!other.is_signed_by(&secret, 1), "another device");
        let bytes = URL_SAFE_NO_PAD.decode(token).unwrap();
        for index in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[index] ^= 1;
            let token = URL_SAFE_NO_PAD.encode(changed);
            let signed = Signed::short("d".parse().unwrap(), &token).unwrap();
            assert!(!signed.is_signed_by(&secret, 1), "byte {index}");
        }
    }

    #[test]
    fn a_short_signature_is_no_signature() {
        let secret = [9; 32];
        let signed = Signed {
            claim: claim(),
            mac: claim().mac(&secret, 0)[..15].to_vec(),
        };
        assert!(!signed.is_signed_by(&secret, 0));
        for text in [
            "",
            "AAAA",
            &"A".repeat(47),
            &"A".repeat(49),
            &"!".repeat(48),
        ] {
            assert!(Signed::short("d".parse().unwrap(), text).is_none());
        }
        for id in [
            "",
            "01A1fbbeb1c4000301273e9d",
            "01a1fbbeb1c4000301273e9dff",
            "zz",
        ] {
            assert!(ReleaseKey::parse(id).is_none());
        }
    }
}
