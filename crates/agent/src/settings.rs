//! What an operator or a firmware engineer may set, with the defaults and why they are so.

use alloc::boxed::Box;
use alloc::string::String;

use updraft_protocol::api::Attributes;
use updraft_protocol::espota::Scheme;
use updraft_protocol::{DeviceId, DeviceTypeName, ReasonCode};

use crate::failure::Failure;

/// Seconds between two check-ins unless the server says otherwise: an update reaches every device within
/// five minutes, and 10,000 devices make 33 requests a second.
pub const POLL_SECONDS: u32 = 300;

/// Seconds an app must have run before the first check-in, so that a device that resets in a loop does not
/// also download in a loop.
pub const MIN_UPTIME_SECONDS: u32 = 300;

/// Part of the poll interval, in percent, by which each wait is spread at random either way, so that a
/// fleet that lost power together does not ask together.
pub const JITTER_PERCENT: u32 = 10;

/// Boots a new app gets before the old one returns, as a bootloader that rolls back gives by itself.
pub const BOOT_ATTEMPTS: u8 = 1;

/// Seconds a new app must be well, without a break, before it is confirmed.
pub const STABILITY_SECONDS: u32 = 30;

/// Seconds a new app has to become well and stay so. After that it resets, and the old app returns.
pub const TRIAL_LIMIT_SECONDS: u32 = 180;

/// Seconds a download may take. After that it is given up until the next poll, where it goes on from what
/// is in flash.
pub const DOWNLOAD_LIMIT_SECONDS: u32 = 300;

/// Seconds without a byte after which a connection counts as lost.
pub const IO_TIMEOUT_SECONDS: u32 = 30;

/// Shortest poll interval a server may ask for, in seconds: a mistyped number must not turn a fleet into
/// a load test.
pub const MIN_POLL_SECONDS: u32 = 1;

/// Longest poll interval a server may ask for, in seconds: a device must stay reachable within a day.
pub const MAX_POLL_SECONDS: u32 = 24 * 3600;

/// How one device updates itself.
#[derive(Clone)]
pub struct Settings {
    /// The server's base URL, such as `http://updates.example:8080`, without a path. None for a device that is only
    /// ever updated by hand.
    pub server: Option<String>,
    /// The device's name.
    pub device_id: DeviceId,
    /// What the device is.
    pub device_type: DeviceTypeName,
    /// A token issued for this device. Without one the device enrols itself with `enrolment_key`.
    pub token: Option<String>,
    /// The fleet's key, with which a device without a token gets one.
    pub enrolment_key: Option<String>,
    /// The only project whose images are taken; any if absent.
    pub project: Option<String>,
    /// Largest image taken, in bytes; the slot's size if absent.
    pub max_image_size: Option<u32>,
    /// Where the device is and what it belongs to, as far as it was told. What an operator sets at the server wins.
    pub attributes: Box<Attributes>,
    /// See [`POLL_SECONDS`].
    pub poll_seconds: u32,
    /// See [`MIN_UPTIME_SECONDS`].
    pub min_uptime_seconds: u32,
    /// See [`JITTER_PERCENT`].
    pub jitter_percent: u32,
    /// See [`BOOT_ATTEMPTS`]; more need the new app to come as far as its guard each time. For [`guard_boot`](crate::guard_boot).
    pub boot_attempts: u8,
    /// Refuse every push while no push token is set, instead of saying that push is open.
    pub push_needs_token: bool,
    /// How an espota password is asked for. MD5, which only works with a password stored as one, is for senders from
    /// before arduino-esp32 3.3.1.
    pub espota_scheme: Scheme,
    /// See [`STABILITY_SECONDS`].
    pub stability_seconds: u32,
    /// See [`TRIAL_LIMIT_SECONDS`].
    pub trial_limit_seconds: u32,
    /// See [`DOWNLOAD_LIMIT_SECONDS`].
    pub download_limit_seconds: u32,
    /// See [`IO_TIMEOUT_SECONDS`].
    pub io_timeout_seconds: u32,
}

impl Settings {
    /// The defaults for one device. An empty `server` is none.
    pub fn new(
        server: impl Into<String>,
        device_id: DeviceId,
        device_type: DeviceTypeName,
    ) -> Self {
        let mut server = server.into();
        while server.ends_with('/') {
            server.pop();
        }
        Self {
            server: Some(server).filter(|server| !server.is_empty()),
            device_id,
            device_type,
            token: None,
            enrolment_key: None,
            project: None,
            max_image_size: None,
            attributes: Box::default(),
            poll_seconds: POLL_SECONDS,
            min_uptime_seconds: MIN_UPTIME_SECONDS,
            jitter_percent: JITTER_PERCENT,
            boot_attempts: BOOT_ATTEMPTS,
            push_needs_token: cfg!(feature = "push-needs-token"),
            espota_scheme: Scheme::Sha256,
            stability_seconds: STABILITY_SECONDS,
            trial_limit_seconds: TRIAL_LIMIT_SECONDS,
            download_limit_seconds: DOWNLOAD_LIMIT_SECONDS,
            io_timeout_seconds: IO_TIMEOUT_SECONDS,
        }
    }
}

impl Settings {
    /// The server's base URL; an error for a device that has none.
    pub(crate) fn server(&self) -> Result<&str, Failure> {
        self.server.as_deref().ok_or_else(|| {
            Failure::new(
                ReasonCode::Unreachable,
                "this device has no server; it is updated by hand",
            )
        })
    }
}

impl core::fmt::Debug for Settings {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        // Tokens and keys stay out of logs.
        f.debug_struct("Settings")
            .field("server", &self.server)
            .field("device_id", &self.device_id)
            .field("device_type", &self.device_type)
            .finish_non_exhaustive()
    }
}
