//! What this device is told to do: by its NVS, else by its build, else by the agent's defaults.
//!
//! The keys, what their values must be, and the reader are the agent's ([`updraft_agent::config`]). A value that cannot
//! be used is named on the serial port and left out; it never keeps the app from starting.

use alloc::string::String;

use esp_println::println;
use updraft_agent::Settings;
use updraft_agent::config::{Config as Given, ConfigFault, Setting};
use updraft_flash::nvs::Nvs;
use updraft_flash::partition::{TABLE_OFFSET, Table};
use updraft_flash::region::Region;

use crate::flash::Flash;
use crate::identity;

/// Longest host name, in bytes (RFC 1035).
const MAX_HOSTNAME: usize = 63;

/// What the build was given (`build.rs` has it built anew when one changes).
const OF_BUILD: [(Setting, Option<&str>); 8] = [
    (Setting::Server, option_env!("UPDRAFT_SERVER")),
    (Setting::EnrolmentKey, option_env!("UPDRAFT_ENROLMENT_KEY")),
    (Setting::PollSeconds, option_env!("UPDRAFT_POLL_SECONDS")),
    (
        Setting::MinUptimeSeconds,
        option_env!("UPDRAFT_MIN_UPTIME_SECONDS"),
    ),
    (
        Setting::StabilitySeconds,
        option_env!("UPDRAFT_STABILITY_SECONDS"),
    ),
    (Setting::WifiSsid, option_env!("UPDRAFT_WIFI_SSID")),
    (Setting::WifiPassword, option_env!("UPDRAFT_WIFI_PASSWORD")),
    (Setting::DeviceId, option_env!("UPDRAFT_DEVICE_ID")),
];

/// A Wi-Fi network to join.
#[cfg_attr(
    feature = "openeth",
    expect(dead_code, reason = "read where there is a radio")
)]
pub struct Credentials {
    /// Its name.
    pub ssid: String,
    /// Its password; none for an open network.
    pub password: Option<String>,
}

/// The settings of this device.
pub struct Config {
    /// The updater's.
    pub settings: Settings,
    /// The name the device is found by, without `.local`.
    pub hostname: String,
    /// The network to join, if one is known.
    #[cfg_attr(
        feature = "openeth",
        expect(dead_code, reason = "read where there is a radio")
    )]
    pub wifi: Option<Credentials>,
}

impl Config {
    /// Puts them together.
    pub fn read(flash: &mut Flash) -> Self {
        let build = of_build();
        let stored = stored(flash);
        let mut settings = Settings::new("", identity::device_id(), identity::device_type());
        settings.project = Some(identity::PROJECT.into());
        build.given.apply_to(&mut settings);
        stored.given.apply_to(&mut settings);
        Self {
            hostname: stored
                .given
                .hostname
                .clone()
                .unwrap_or_else(|| hostname(settings.device_id.as_str())),
            wifi: stored.credentials().or_else(|| build.credentials()),
            settings,
        }
    }
}

impl Config {
    /// Prints what a person who looks for the device wants to know.
    pub fn print(&self) {
        let [a, b, c, d, e, f] = identity::mac();
        println!(
            "{} ({}.local, {a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x})",
            self.settings.device_id, self.hostname
        );
        match &self.settings.server {
            Some(server) => println!(
                "server {server}, asked every {} s",
                self.settings.poll_seconds
            ),
            None => println!("no server: updated by hand only"),
        }
    }
}

/// Settings from one place.
#[derive(Default)]
struct Source {
    given: Given,
    /// Whether there is a Wi-Fi password that cannot be one.
    is_password_wrong: bool,
}

impl Source {
    fn refuse(is_password_wrong: &mut bool, fault: ConfigFault) {
        println!("config: left out: {fault}");
        *is_password_wrong |= fault.setting == Setting::WifiPassword;
    }

    fn credentials(&self) -> Option<Credentials> {
        // A network with a mistyped password must not turn into an open one of the same name.
        let ssid = self
            .given
            .wifi_ssid
            .clone()
            .filter(|_| !self.is_password_wrong)?;
        let password = self.given.wifi_password.clone();
        Some(Credentials { ssid, password })
    }
}

fn of_build() -> Source {
    let mut source = Source::default();
    for (setting, value) in OF_BUILD {
        if let Some(value) = value.filter(|value| !value.is_empty())
            && let Err(fault) = source.given.set(setting, value)
        {
            Source::refuse(&mut source.is_password_wrong, fault);
        }
    }
    source
}

fn stored(flash: &mut Flash) -> Source {
    let mut is_password_wrong = false;
    let entry = match &Table::read(flash, TABLE_OFFSET) {
        Ok(table) => table.nvs().copied(),
        Err(_) => None,
    };
    let given = entry.and_then(|entry| {
        let region = Region::new(flash, entry.offset, entry.size).ok()?;
        let read = Nvs::mount(region, entry.size).and_then(|mut nvs| {
            Given::read_from(&mut nvs, &mut |fault| {
                Source::refuse(&mut is_password_wrong, fault);
            })
        });
        read.inspect_err(|error| println!("config: NVS cannot be read: {error:?}"))
            .ok()
    });
    Source {
        given: given.unwrap_or_default(),
        is_password_wrong,
    }
}

/// A host name from a device's name, whose dots, colons and underscores a host name cannot have.
fn hostname(device_id: &str) -> String {
    let fitting = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    device_id.chars().take(MAX_HOSTNAME).map(fitting).collect()
}
