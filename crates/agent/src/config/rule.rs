use core::fmt;
use core::str::FromStr as _;

use embedded_storage::nor_flash::NorFlash;
use updraft_flash::nvs::{Nvs, NvsError};
use updraft_protocol::DeviceId;
use updraft_protocol::api::attributes::{
    MAX_LABEL as MAX_WORD, MAX_TAGS, UTC_OFFSETS, check_label,
};
use updraft_protocol::name::MAX_NAME;

use super::fault::What;
use super::{ConfigFault, MAX_TEXT, NAMESPACE, Setting};

/// Longest label of a host's name, in bytes (RFC 1035).
const MAX_LABEL: usize = 63;
/// The only scheme the updater speaks. An address may be given without it.
pub(super) const SCHEME: &str = "http://";

/// What [`check_label`] asks for, in words.
const LABEL: &str =
    "1 to 64 bytes without commas, '=' or control characters, and no space at either end";
const _: () = assert!(MAX_WORD == 64, "LABEL names the limit");

/// What the values of a setting must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// `host`, `host:port`, or either behind `http://`; at most [`MAX_TEXT`] bytes.
    Address,
    /// A [`DeviceId`].
    Name,
    /// One label of a host's name.
    HostLabel,
    /// Any text without a NUL, of so many bytes.
    Text {
        /// Fewest bytes.
        min: usize,
        /// Most bytes.
        max: usize,
    },
    /// What WPA-Personal takes: 8 to 63 printable ASCII characters, or a key of 64 hexadecimal digits.
    Passphrase,
    /// Printable ASCII, of so many characters.
    Printable {
        /// Fewest characters.
        min: usize,
        /// Most characters.
        max: usize,
    },
    /// One word of where a device is, such as `eu` or `Building A`.
    Label,
    /// Such words with commas between them; at most [`MAX_TAGS`].
    Labels,
    /// Hours and minutes ahead of UTC, such as `+05:30` or `-03:00`.
    UtcOffset,
    /// A count of seconds.
    Seconds {
        /// The least.
        min: u32,
        /// The most.
        max: u32,
    },
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address => write!(
                f,
                "host:port, or {SCHEME}host:port without a path, of at most {MAX_TEXT} bytes"
            ),
            Self::Name => write!(
                f,
                "1 to {MAX_NAME} letters, digits, '-', '_', '.' or ':', starting with a letter or digit"
            ),
            Self::HostLabel => write!(
                f,
                "1 to {MAX_LABEL} letters, digits or hyphens, with a letter or digit at both ends"
            ),
            Self::Text { min, max } => write!(f, "{min} to {max} bytes of text without a NUL"),
            Self::Passphrase => f.write_str(
                "8 to 63 printable ASCII characters, or 64 hexadecimal digits; none for an open network",
            ),
            Self::Printable { min, max } => {
                write!(f, "{min} to {max} printable ASCII characters")
            }
            Self::Label => f.write_str(LABEL),
            Self::Labels => write!(
                f,
                "up to {MAX_TAGS} words with commas between them, {MAX_TEXT} bytes in all, each {LABEL}"
            ),
            Self::UtcOffset => f.write_str("hours and minutes ahead of UTC, -12:00 to +14:00"),
            Self::Seconds { min, max } => write!(f, "{min} to {max}, in whole seconds"),
        }
    }
}

impl Rule {
    fn takes_text(self, text: &str) -> bool {
        let printable = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
        match self {
            Self::Address => is_address(text),
            Self::Name => DeviceId::from_str(text).is_ok(),
            Self::HostLabel => {
                text.len() <= MAX_LABEL
                    && text.starts_with(|c: char| c.is_ascii_alphanumeric())
                    && text.ends_with(|c: char| c.is_ascii_alphanumeric())
                    && text
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            }
            Self::Text { min, max } => (min..=max).contains(&text.len()) && !text.contains('\0'),
            Self::Passphrase => match text.len() {
                8..=63 => text.bytes().all(printable),
                64 => text.bytes().all(|byte| byte.is_ascii_hexdigit()),
                _ => false,
            },
            Self::Printable { min, max } => {
                (min..=max).contains(&text.len()) && text.bytes().all(printable)
            }
            Self::Label => check_label("label", text).is_ok(),
            Self::Labels => {
                text.len() <= MAX_TEXT
                    && labels(text).count() <= MAX_TAGS
                    && labels(text).all(|label| check_label("tag", label).is_ok())
            }
            Self::UtcOffset => utc_offset(text).is_some(),
            Self::Seconds { .. } => false,
        }
    }
}

/// The words of a list, as [`Rule::Labels`] has them.
pub(super) fn labels(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim)
}

/// Minutes ahead of UTC, from `+hh:mm` or `-hh:mm`; none where no place on Earth has it.
pub(super) fn utc_offset(text: &str) -> Option<i16> {
    let (sign, digits) = match text.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let (hours, minutes) = digits.split_once(':')?;
    let number = |text: &str| match text.len() {
        2 if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse::<i16>().ok(),
        _ => None,
    };
    let minutes = number(minutes).filter(|minutes| *minutes < 60)?;
    let offset = sign * (number(hours)? * 60 + minutes);
    UTC_OFFSETS.contains(&offset).then_some(offset)
}

/// Whether it is an address of a server: the updater puts `http://` before it where that is missing, and paths behind.
fn is_address(text: &str) -> bool {
    let rest = text.strip_prefix(SCHEME).unwrap_or(text);
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (rest, None),
    };
    let sound_host = !host.is_empty()
        && host
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'));
    text.len() <= MAX_TEXT
        && sound_host
        && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port != 0))
}

/// A value as NVS stores it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    /// As an NVS string.
    Text(&'a str),
    /// As a `u32`.
    Seconds(u32),
}

impl fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // It may be a secret.
            Self::Text(text) => write!(f, "Text({} bytes)", text.len()),
            Self::Seconds(seconds) => write!(f, "Seconds({seconds})"),
        }
    }
}

impl Setting {
    /// The value that `text` gives, if it is one for this setting.
    pub fn value(self, text: &str) -> Result<Value<'_>, ConfigFault> {
        let rule = self.rule();
        let value = match rule {
            Rule::Seconds { .. } => Value::Seconds(text.parse().map_err(|_| self.against(rule))?),
            _ => Value::Text(text),
        };
        self.check(value).map(|()| value)
    }

    /// Writes a value into NVS.
    pub fn store<F: NorFlash>(
        self,
        nvs: &mut Nvs<F>,
        value: Value<'_>,
    ) -> Result<(), NvsError<F::Error>> {
        match value {
            Value::Text(text) => nvs.set_str(NAMESPACE, self.key(), text),
            Value::Seconds(seconds) => nvs.set(NAMESPACE, self.key(), seconds),
        }
    }

    /// An error if a value is not as the rule says.
    pub(super) fn check(self, value: Value<'_>) -> Result<(), ConfigFault> {
        let rule = self.rule();
        let holds = match (rule, value) {
            (Rule::Seconds { min, max }, Value::Seconds(seconds)) => (min..=max).contains(&seconds),
            (Rule::Seconds { .. }, Value::Text(_)) | (_, Value::Seconds(_)) => false,
            (_, Value::Text(text)) => rule.takes_text(text),
        };
        if holds {
            Ok(())
        } else {
            Err(self.against(rule))
        }
    }

    fn against(self, rule: Rule) -> ConfigFault {
        ConfigFault {
            setting: self,
            what: What::Rule(rule),
        }
    }
}
