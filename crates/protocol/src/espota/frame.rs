//! The datagrams: invitation, challenge, response. Each is one line of ASCII, its fields apart by blanks.

use core::fmt;

use super::MAX_DATAGRAM;
use super::hex::Hex;

/// The number that marks a response; every other command opens an invitation.
const AUTH: u32 = 200;

/// What is to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// 0: the app.
    Flash,
    /// 100: the file system, whichever the device has. What `espota.py` sends.
    Filesystem,
    /// 101: a SPIFFS image.
    Spiffs,
    /// 102: a FAT image.
    Fat,
    /// 103: a `LittleFS` image.
    LittleFs,
}

impl Command {
    /// Every command.
    pub const ALL: [Self; 5] = [
        Self::Flash,
        Self::Filesystem,
        Self::Spiffs,
        Self::Fat,
        Self::LittleFs,
    ];

    /// The number on the wire.
    pub const fn number(self) -> u32 {
        match self {
            Self::Flash => 0,
            Self::Filesystem => 100,
            Self::Spiffs => 101,
            Self::Fat => 102,
            Self::LittleFs => 103,
        }
    }

    /// Whether it is a file system's image, and not an app.
    pub const fn is_filesystem(self) -> bool {
        !matches!(self, Self::Flash)
    }
}

/// Why a datagram is not what the protocol sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameError {
    /// More bytes than [`MAX_DATAGRAM`].
    TooLong,
    /// Bytes that are not ASCII.
    NotText,
    /// Not as many fields as its kind has.
    Fields,
    /// A number no command has.
    Command,
    /// The host's port is not 1 to 65535.
    Port,
    /// The size is not 1 to 4,294,967,295 bytes.
    Size,
    /// The MD5 is not 32 hexadecimal digits.
    Md5,
    /// Nonce, client nonce or response is not 32 or 64 hexadecimal digits, the same number in both.
    Digits,
}

impl FrameError {
    /// A stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooLong => "too_long",
            Self::NotText => "not_text",
            Self::Fields => "fields",
            Self::Command => "command",
            Self::Port => "port",
            Self::Size => "size",
            Self::Md5 => "md5",
            Self::Digits => "digits",
        }
    }
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(f, "the datagram has more than {MAX_DATAGRAM} bytes"),
            Self::NotText => f.write_str("the datagram is not ASCII"),
            Self::Fields => f.write_str(
                "an invitation has four fields (command, port, size, MD5), a response three (200, nonce, response)",
            ),
            Self::Command => f.write_str("the command is none of 0, 100 to 103 and 200"),
            Self::Port => f.write_str("the host's port is not 1 to 65535"),
            Self::Size => f.write_str("the size is not 1 to 4294967295 bytes"),
            Self::Md5 => f.write_str("the MD5 is not 32 hexadecimal digits"),
            Self::Digits => {
                f.write_str("nonce and response are 32 (MD5) or 64 (SHA-256) hexadecimal digits each")
            }
        }
    }
}

impl core::error::Error for FrameError {}

/// What opens an update: `"{command} {port} {size} {MD5}\n"`. Its `Display` form is the datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Invitation {
    /// What is to be written.
    pub command: Command,
    /// The host's TCP port.
    pub port: u16,
    /// The file's size in bytes; not 0.
    pub size: u32,
    /// The file's MD5, in lowercase once read.
    pub md5: [u8; 16],
}

impl fmt::Display for Invitation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (command, md5) = (self.command.number(), Hex::of_16(&self.md5));
        writeln!(f, "{command} {} {} {md5}", self.port, self.size)
    }
}

/// `"AUTH {nonce}"`: the device wants a password. Its `Display` form is the datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Challenge {
    /// 32 digits ask for the MD5 scheme, 64 for the SHA-256 scheme (core 3.3.1 and later).
    pub nonce: Hex,
}

impl Challenge {
    const MARK: &[u8] = b"AUTH";

    /// Reads a device's datagram.
    pub fn parse(datagram: &[u8]) -> Result<Self, FrameError> {
        let mut fields = fields(datagram)?;
        match (fields.next(), fields.next(), fields.next()) {
            (Some(Self::MARK), Some(nonce), None) => Hex::parse(nonce)
                .map(|nonce| Self { nonce })
                .ok_or(FrameError::Digits),
            _ => Err(FrameError::Fields),
        }
    }
}

impl fmt::Display for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // No end of line: espota.py splits what follows the blank.
        write!(f, "AUTH {}", self.nonce)
    }
}

/// `"200 {cnonce} {response}\n"`: the host knows the password. Its `Display` form is the datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Response {
    /// The client's own nonce, of the same length as the device's.
    pub cnonce: Hex,
    /// What follows from password and both nonces.
    pub response: Hex,
}

impl fmt::Display for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{AUTH} {} {}", self.cnonce, self.response)
    }
}

/// What a host sends to a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FromHost {
    /// It has something to write.
    Invitation(Invitation),
    /// It answers a challenge.
    Response(Response),
}

impl FromHost {
    /// Reads a host's datagram. Like `ArduinoOTA` it accepts blanks around, and a missing end of line.
    pub fn parse(datagram: &[u8]) -> Result<Self, FrameError> {
        let mut fields = fields(datagram)?;
        let command = fields.next().and_then(number).ok_or(FrameError::Command)?;
        if command == AUTH {
            return response(fields).map(Self::Response);
        }
        let command = Command::ALL
            .into_iter()
            .find(|known| known.number() == command)
            .ok_or(FrameError::Command)?;
        invitation(command, fields).map(Self::Invitation)
    }
}

fn invitation<'a>(
    command: Command,
    mut fields: impl Iterator<Item = &'a [u8]>,
) -> Result<Invitation, FrameError> {
    let (Some(port), Some(size), Some(md5), None) =
        (fields.next(), fields.next(), fields.next(), fields.next())
    else {
        return Err(FrameError::Fields);
    };
    let port = number(port)
        .and_then(|port| u16::try_from(port).ok())
        .filter(|port| *port != 0)
        .ok_or(FrameError::Port)?;
    let size = number(size)
        .filter(|size| *size != 0)
        .ok_or(FrameError::Size)?;
    let md5 = Hex::parse(md5)
        .and_then(|md5| md5.to_16())
        .ok_or(FrameError::Md5)?;
    Ok(Invitation {
        command,
        port,
        size,
        md5,
    })
}

fn response<'a>(mut fields: impl Iterator<Item = &'a [u8]>) -> Result<Response, FrameError> {
    let (Some(cnonce), Some(response), None) = (fields.next(), fields.next(), fields.next()) else {
        return Err(FrameError::Fields);
    };
    let (cnonce, response) = Hex::parse(cnonce)
        .zip(Hex::parse(response))
        .filter(|(cnonce, response)| cnonce.len() == response.len())
        .ok_or(FrameError::Digits)?;
    Ok(Response { cnonce, response })
}

/// The fields of a line, once its length and its alphabet have been checked.
fn fields(datagram: &[u8]) -> Result<impl Iterator<Item = &[u8]>, FrameError> {
    if datagram.len() > MAX_DATAGRAM {
        return Err(FrameError::TooLong);
    }
    if !datagram.is_ascii() {
        return Err(FrameError::NotText);
    }
    Ok(datagram
        .split(u8::is_ascii_whitespace)
        .filter(|field| !field.is_empty()))
}

/// Decimal digits and nothing else: no sign, no point.
fn number(text: &[u8]) -> Option<u32> {
    if !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    core::str::from_utf8(text).ok()?.parse().ok()
}
