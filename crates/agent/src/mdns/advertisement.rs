//! What a device says of itself.

use core::net::Ipv4Addr;

use super::name::MAX_LABEL;

/// What a device says of itself. Texts that are too long are cut, never refused: a device that cannot be
/// found cannot be mended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Advertisement<'a> {
    /// The host's name without `.local`; letters, digits and hyphens, at most 63. Must be unique in the
    /// network. Empty means `esp32`.
    pub hostname: &'a str,
    /// What people see; any text, at most 63 bytes. Must be unique in the network. Empty means the host's name.
    pub instance: &'a str,
    /// The device's address. While it is unspecified, nothing is said.
    pub ipv4: Ipv4Addr,
    /// How many leading bits of the address its network has, 0 to 32. Whoever is not of that network is not answered.
    pub prefix: u8,
    /// TCP port of the pages and the API, 80 by default.
    pub http_port: u16,
    /// TCP port firmware is pushed to, and UDP port of espota; 3232 by default.
    pub ota_port: u16,
    /// What the device is, such as `esp32c3`.
    pub board: &'a str,
    /// The version of the app that runs.
    pub version: &'a str,
    /// Whether a push needs a token or a password.
    pub auth: bool,
    /// The slot the app runs from, such as `ota_0`.
    pub slot: &'a str,
    /// The project's name in the app's descriptor, if it is known.
    pub project: Option<&'a str>,
}

/// Most bytes of a TXT value: a version or a project's name in an app descriptor has at most 32, and three
/// records of such values leave room for the names in one packet.
const MAX_VALUE: usize = 48;

/// The host's name when none was given.
const NO_NAME: &str = "esp32";

/// One of the services.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    Http,
    Ota,
    Arduino,
}

impl Service {
    pub(super) const fn label(self) -> &'static [u8] {
        match self {
            Self::Http => b"_http",
            Self::Ota => b"_ota",
            Self::Arduino => b"_arduino",
        }
    }
}

impl<'a> Advertisement<'a> {
    pub(super) fn host_label(&self) -> &'a [u8] {
        let name = if self.hostname.is_empty() {
            NO_NAME
        } else {
            self.hostname
        };
        cut(name, MAX_LABEL).as_bytes()
    }

    pub(super) fn instance_label(&self) -> &'a [u8] {
        if self.instance.is_empty() {
            return self.host_label();
        }
        cut(self.instance, MAX_LABEL).as_bytes()
    }

    pub(super) const fn port(&self, service: Service) -> u16 {
        match service {
            Service::Http => self.http_port,
            Service::Ota | Service::Arduino => self.ota_port,
        }
    }

    /// The keys and values of a service's TXT record, in order. What Arduino's tools read of `_arduino` is
    /// what `ArduinoOTA` and its `MDNS.enableArduino` put there.
    pub(super) fn txt(&self, service: Service) -> impl Iterator<Item = (&'static str, &'a str)> {
        let auth = if self.auth { "yes" } else { "no" };
        let arduino = service == Service::Arduino;
        let ota = service == Service::Ota;
        [
            arduino.then_some(("tcp_check", "no")),
            arduino.then_some(("ssh_upload", "no")),
            Some(("board", cut(self.board, MAX_VALUE))),
            arduino.then_some(("auth_upload", auth)),
            (!arduino).then_some(("auth", auth)),
            Some(("version", cut(self.version, MAX_VALUE))),
            ota.then_some(("slot", cut(self.slot, MAX_VALUE))),
            self.project
                .filter(|_| ota)
                .map(|project| ("project", cut(project, MAX_VALUE))),
        ]
        .into_iter()
        .flatten()
    }

    /// Whether a packet from this address may be answered: it comes from the device's own network.
    pub(super) fn is_near(&self, address: Ipv4Addr) -> bool {
        let bits = 32 - u32::from(self.prefix.min(32));
        let differing = self.ipv4.to_bits() ^ address.to_bits();
        differing.checked_shr(bits).unwrap_or(0) == 0
    }
}

/// The longest beginning of at most `most` bytes that ends between two characters.
fn cut(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len()))
        .rev()
        .find(|end| text.is_char_boundary(*end));
    end.and_then(|end| text.get(..end)).unwrap_or_default()
}
