//! What this device is told to do: NVS first, then what the build was given, then the agent's defaults.
//!
//! A value that cannot be used is named on the serial port and left out; it never keeps the app from starting.

use alloc::format;
use alloc::string::{String, ToString as _};
use core::fmt::Display;
use core::str::FromStr;

use embedded_storage::nor_flash::NorFlash;
use esp_println::println;
use updraft_agent::Settings;
use updraft_agent::settings::MAX_POLL_SECONDS;
use updraft_flash::nvs::{Kind, Number as _, Nvs, NvsError};
use updraft_flash::partition::Table;
use updraft_flash::region::Region;

use crate::identity;

/// The NVS namespace of these settings. The agent's own are `updraft`, `updlog` and `www`.
pub const NAMESPACE: &str = "device";

/// Longest text, in bytes: a server's URL.
const MAX_TEXT: usize = 256;
/// Longest name of a Wi-Fi network, in bytes (IEEE 802.11).
const MAX_SSID: usize = 32;
/// Shortest and longest Wi-Fi password, in bytes (WPA2).
const PASSWORD: core::ops::RangeInclusive<usize> = 8..=63;
/// Longest time an app may be asked to run before its first check-in, and to be well, in seconds: an hour.
const MAX_WINDOW: u32 = 3600;
/// Longest host name, in bytes (RFC 1035).
const MAX_HOSTNAME: usize = 63;

/// A Wi-Fi network to join. An empty password is an open network.
#[cfg_attr(
    feature = "openeth",
    expect(dead_code, reason = "read where there is a radio")
)]
pub struct Credentials {
    pub ssid: String,
    pub password: String,
}

/// All of it.
pub struct Config {
    pub settings: Settings,
    /// The name the device is found by, without `.local`.
    pub hostname: String,
    /// The network to join, if one is known.
    pub wifi: Option<Credentials>,
}

impl Config {
    /// Reads the settings of this device.
    pub fn read<F: NorFlash>(flash: &mut F, table: &Table) -> Self {
        let mut source = Source {
            nvs: open(flash, table),
        };
        let device_id = source.valid("device_id", option_env!("UPDRAFT_DEVICE_ID"), |text| {
            text.parse().map_err(|fault| format!("{fault}"))
        });
        let device_id = device_id.unwrap_or_else(identity::device_id);
        let server = source.valid("server", option_env!("UPDRAFT_SERVER"), server);
        let hostname = source.valid("hostname", None, hostname);
        let mut settings = Settings::new(
            server.unwrap_or_default(),
            device_id,
            identity::device_type(),
        );
        settings.project = Some(identity::PROJECT.into());
        settings.enrolment_key = source.valid(
            "enrolment_key",
            option_env!("UPDRAFT_ENROLMENT_KEY"),
            |text| Ok(text.into()),
        );
        let times = [
            (
                "poll_seconds",
                option_env!("UPDRAFT_POLL_SECONDS"),
                1,
                MAX_POLL_SECONDS,
            ),
            (
                "min_uptime_s",
                option_env!("UPDRAFT_MIN_UPTIME_SECONDS"),
                0,
                MAX_WINDOW,
            ),
            (
                "stability_s",
                option_env!("UPDRAFT_STABILITY_SECONDS"),
                0,
                MAX_WINDOW,
            ),
        ];
        let [poll, uptime, stability] = times.map(|(key, build, least, most)| {
            source.valid(key, build, |text| number(text, least, most))
        });
        settings.poll_seconds = poll.unwrap_or(settings.poll_seconds);
        settings.min_uptime_seconds = uptime.unwrap_or(settings.min_uptime_seconds);
        settings.stability_seconds = stability.unwrap_or(settings.stability_seconds);
        let hostname = hostname.unwrap_or_else(|| default_hostname(settings.device_id.as_str()));
        Self {
            hostname,
            wifi: source.credentials(),
            settings,
        }
    }
}

fn open<'f, F: NorFlash>(flash: &'f mut F, table: &Table) -> Option<Nvs<Region<'f, F>>> {
    let entry = table.nvs()?;
    let region = Region::new(flash, entry.offset, entry.size).ok()?;
    match Nvs::mount(region, entry.size) {
        Ok(nvs) => Some(nvs),
        Err(fault) => {
            println!("config: NVS cannot be read, going on with the build's settings: {fault:?}");
            None
        }
    }
}

struct Source<'f, F: NorFlash> {
    nvs: Option<Nvs<Region<'f, F>>>,
}

impl<F: NorFlash> Source<'_, F> {
    /// The value stored under a key, text or number, else the build's. Empty text is none.
    fn text(&mut self, key: &str, build: Option<&str>) -> Option<String> {
        let stored = self.nvs.as_mut().and_then(|nvs| stored(nvs, key));
        stored
            .or_else(|| build.map(String::from))
            .filter(|text| !text.is_empty())
    }

    fn valid<T>(
        &mut self,
        key: &str,
        build: Option<&str>,
        check: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let text = self.text(key, build)?;
        check(&text)
            .inspect_err(|why| println!("config: {key} is left out: {why}"))
            .ok()
    }

    fn credentials(&mut self) -> Option<Credentials> {
        let ssid = self.valid("wifi_ssid", option_env!("UPDRAFT_WIFI_SSID"), |text| {
            bytes(text, 1, MAX_SSID)
        })?;
        // A password that cannot be one must not turn into an open network.
        let password = match self.text("wifi_password", option_env!("UPDRAFT_WIFI_PASSWORD")) {
            None => String::new(),
            Some(text) => bytes(&text, *PASSWORD.start(), *PASSWORD.end())
                .inspect_err(|why| {
                    println!("config: wifi_password is left out, and Wi-Fi with it: {why}")
                })
                .ok()?,
        };
        Some(Credentials { ssid, password })
    }
}

/// A value in NVS as text: tools store numbers either way.
fn stored<F: NorFlash>(nvs: &mut Nvs<F>, key: &str) -> Option<String> {
    let mut buffer = [0; MAX_TEXT];
    let fault: &dyn Display = match nvs.get_str(NAMESPACE, key, &mut buffer) {
        Ok(text) => return text.map(String::from),
        Err(NvsError::WrongType { .. }) => match nvs.get_raw(NAMESPACE, key) {
            Ok(Some((Kind::U8, data))) => return Some(u8::from_data(data).to_string()),
            Ok(Some((Kind::U16, data))) => return Some(u16::from_data(data).to_string()),
            Ok(Some((Kind::U32, data))) => return Some(u32::from_data(data).to_string()),
            Ok(Some((Kind::I32, data))) => return Some(i32::from_data(data).to_string()),
            _ => &"it is neither text nor a whole number of 8, 16 or 32 bits",
        },
        Err(NvsError::BufferTooSmall { .. }) => &"it has more than 256 bytes",
        Err(NvsError::NotUtf8) => &"it is not UTF-8",
        Err(_) => &"it cannot be read",
    };
    println!("config: {key} in NVS is left out: {fault}");
    None
}

/// A server's base URL. What has no scheme is meant to be plain HTTP, the only one there is.
fn server(text: &str) -> Result<String, String> {
    let rest = text.strip_prefix("http://").unwrap_or(text);
    let host = rest.split(['/', ':']).next().unwrap_or_default();
    if rest.contains("://") {
        return Err(format!("{text:?} is not http://; this build speaks no TLS"));
    }
    if host.is_empty() || rest.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(format!("{text:?} names no server; http://HOST:PORT does"));
    }
    Ok(format!("http://{rest}"))
}

fn hostname(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-';
    if text.len() > MAX_HOSTNAME || text.starts_with('-') || !text.chars().all(fits) {
        return Err(format!(
            "{text:?} is not at most {MAX_HOSTNAME} letters, digits and hyphens"
        ));
    }
    Ok(text.into())
}

/// A host name from a device's name, whose dots and underscores a host name cannot have.
fn default_hostname(device_id: &str) -> String {
    let dashes = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    device_id.chars().take(MAX_HOSTNAME).map(dashes).collect()
}

fn number(text: &str, least: u32, most: u32) -> Result<u32, String> {
    u32::from_str(text)
        .ok()
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| format!("{text:?} is not a whole number from {least} to {most}"))
}

fn bytes(text: &str, least: usize, most: usize) -> Result<String, String> {
    if (least..=most).contains(&text.len()) {
        return Ok(text.into());
    }
    // Without the text: it may be a password.
    Err(format!(
        "it has {} bytes, not {least} to {most}",
        text.len()
    ))
}
