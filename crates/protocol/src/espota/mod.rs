//! espota, the Arduino way to push a firmware: an invitation by UDP, the device calls back by TCP.
//!
//! 1. host → device, UDP: `"{command} {TCP port} {size} {MD5}\n"`, see [`Invitation`].
//! 2. device → host: `OK`, or `AUTH {nonce}` ([`Challenge`]), which the host answers with a [`Response`], and
//!    the device with `OK` or [`AUTHENTICATION_FAILED`].
//! 3. The device connects to the host's TCP port. The host sends the file in pieces of [`CHUNK`] bytes and waits
//!    after each for a decimal count of bytes; after the last the device says `OK`, or what went wrong. See
//!    [`transfer`].
//!
//! Nothing is encrypted or signed: the password says who may push, the MD5 only that the bytes arrived. What the
//! bytes are worth is for the image verifier.
//!
//! Nothing here does I/O, reads a clock, draws a random number, or allocates. Source of the format: arduino-esp32's
//! `libraries/ArduinoOTA/src/ArduinoOTA.cpp` and `tools/espota.py`, up to core 3.3.x.

pub mod auth;
pub mod device;
pub mod frame;
pub mod hex;
pub mod transfer;

pub use auth::{Credential, PasswordHash, Proof, Scheme};
pub use device::{Answer, Device, Reply, Start, Why};
pub use frame::{Challenge, Command, FrameError, Invitation, Response};
pub use hex::Hex;

/// The UDP port an ESP32 listens on.
pub const DEFAULT_PORT: u16 = 3232;

/// The device's yes, in a datagram and at the end of a transfer.
pub const OK: &str = "OK";

/// The device's answer to a response that is not right.
pub const AUTHENTICATION_FAILED: &str = "Authentication Failed";

/// Most bytes of a datagram that is looked at. The longest one of the protocol, a SHA-256 response, has 134; one
/// longer than this is garbage. Receive into one byte more than this, to notice.
pub const MAX_DATAGRAM: usize = 256;

/// How often the host sends its invitation: UDP loses datagrams, and a device that is busy reads none.
pub const INVITATIONS: u32 = 10;

/// How long the host waits for each answer, in milliseconds: to an invitation, to a response, for the device's
/// connection, and for each count. Also how long a device keeps a challenge open.
pub const ANSWER_TIMEOUT_MS: u32 = 10_000;

/// How long a device tries to connect to the host, in milliseconds.
pub const CONNECT_TIMEOUT_MS: u32 = 3_000;

/// How long the host waits for the verdict after the last byte, in milliseconds: five reads of a minute each.
pub const VERDICT_TIMEOUT_MS: u32 = 5 * 60_000;

/// How many bytes the host sends before it waits for a count.
pub const CHUNK: usize = 1024;

/// Most bytes a device reads at once: what one Ethernet frame brings.
pub const READ: usize = 1460;

/// How long a device waits for bytes before it repeats its last count, in milliseconds.
pub const READ_TIMEOUT_MS: u32 = 1_000;

/// How often a device repeats its last count before it gives the transfer up.
pub const REPEATS: u8 = 3;
