//! Who may come in.

use core::net::SocketAddr;

use updraft_protocol::espota::{Answer, Credential, Device, PasswordHash, Scheme};

/// What a host is told that invites a device which takes no push yet. As short as any reply, so that nobody can have
/// the device multiply what they send it.
pub(super) const SHUT: &[u8] = b"ERROR: this device takes no push until a password is set";

/// The protocol's own device, and whether it may let anybody in at all.
#[derive(Debug)]
pub(super) struct Door {
    device: Device,
    shut: bool,
}

impl Door {
    /// A door for everybody.
    pub(super) const fn open() -> Self {
        Self {
            device: Device::new(None),
            shut: false,
        }
    }

    /// A door for nobody.
    pub(super) const fn shut() -> Self {
        Self {
            device: Device::new(None),
            shut: true,
        }
    }

    /// A door for those who know the password. The MD5 scheme needs its MD5; a SHA-256 is asked for by the other.
    pub(super) fn locked(hash: PasswordHash, scheme: Scheme) -> Self {
        let md5 = match scheme {
            Scheme::Md5 => Credential::md5(hash),
            Scheme::Sha256 => None,
        };
        let credential = md5.unwrap_or_else(|| Credential::sha256(hash));
        Self {
            device: Device::new(Some(credential)),
            shut: false,
        }
    }

    /// Whether nobody is let in, whatever [`Self::receive`] says.
    pub(super) const fn is_shut(&self) -> bool {
        self.shut
    }

    pub(super) fn receive(
        &mut self,
        datagram: &[u8],
        from: SocketAddr,
        now_ms: u64,
        random: &[u8; 32],
    ) -> Answer {
        self.device.receive(datagram, from, now_ms, random)
    }

    /// Goes on checking a response.
    pub(super) fn step(&mut self, rounds: u32) -> Answer {
        self.device.step(rounds).unwrap_or(Answer::Check)
    }

    pub(super) fn ended(&mut self) {
        self.device.ended();
    }
}
