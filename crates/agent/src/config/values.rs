use alloc::string::String;
use core::fmt;

use embedded_storage::nor_flash::NorFlash;
use updraft_flash::nvs::{Nvs, NvsError};
use updraft_protocol::DeviceId;
use updraft_protocol::api::Attributes;

use super::rule::{SCHEME, labels, utc_offset};
use super::{ConfigFault, MAX_TEXT, NAMESPACE, Rule, Setting, Value};
use crate::failure::Failure;
use crate::flash::DeviceFlash;
use crate::memory::failed;
use crate::settings::Settings;

/// The settings a device was given; `None` where it was given none, or one that cannot be used.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Config {
    /// See [`Setting::Server`]: always with `http://`.
    pub server: Option<String>,
    /// See [`Setting::EnrolmentKey`].
    pub enrolment_key: Option<String>,
    /// See [`Setting::PollSeconds`].
    pub poll_seconds: Option<u32>,
    /// See [`Setting::MinUptimeSeconds`].
    pub min_uptime_seconds: Option<u32>,
    /// See [`Setting::StabilitySeconds`].
    pub stability_seconds: Option<u32>,
    /// See [`Setting::WifiSsid`].
    pub wifi_ssid: Option<String>,
    /// See [`Setting::WifiPassword`].
    pub wifi_password: Option<String>,
    /// See [`Setting::DeviceId`].
    pub device_id: Option<DeviceId>,
    /// See [`Setting::Hostname`].
    pub hostname: Option<String>,
    /// [`Setting::Region`], [`Setting::Site`], [`Setting::Group`], [`Setting::Tags`] and [`Setting::UtcOffset`].
    pub attributes: Attributes,
}

impl Config {
    /// Reads the settings from the device's NVS. One that cannot be used is left out and handed to `fault`, to be
    /// logged: a typing error must not keep a device from starting. Only a flash that cannot be read is an error.
    pub fn read<F: NorFlash>(
        flash: &mut DeviceFlash<F>,
        fault: &mut dyn FnMut(ConfigFault),
    ) -> Result<Self, Failure> {
        let (region, size) = flash.nvs_region()?;
        let mut nvs = Nvs::mount(region, size).map_err(failed)?;
        Self::read_from(&mut nvs, fault).map_err(failed)
    }

    /// [`Config::read`] from an NVS that is mounted.
    pub fn read_from<F: NorFlash>(
        nvs: &mut Nvs<F>,
        fault: &mut dyn FnMut(ConfigFault),
    ) -> Result<Self, NvsError<F::Error>> {
        let mut config = Self::default();
        let mut buffer = [0; MAX_TEXT];
        for setting in Setting::ALL {
            let found = match setting.rule() {
                Rule::Seconds { .. } => nvs
                    .get(NAMESPACE, setting.key())
                    .map(|found| found.map(Value::Seconds)),
                _ => nvs
                    .get_str(NAMESPACE, setting.key(), &mut buffer)
                    .map(|found| found.map(Value::Text)),
            };
            match found {
                Ok(Some(value)) => match setting.check(value) {
                    Ok(()) => config.take(setting, value),
                    Err(refused) => fault(refused),
                },
                Ok(None) => {}
                Err(NvsError::Flash(error)) => return Err(NvsError::Flash(error)),
                Err(error) => fault(ConfigFault::of_nvs(setting, &error)),
            }
        }
        Ok(config)
    }

    /// Puts what was given in place of the defaults.
    pub fn apply_to(&self, settings: &mut Settings) {
        let Self {
            server,
            enrolment_key,
            poll_seconds,
            min_uptime_seconds,
            stability_seconds,
            device_id,
            attributes,
            ..
        } = self.clone();
        for (to, from) in [
            (&mut settings.attributes.region, attributes.region),
            (&mut settings.attributes.site, attributes.site),
            (&mut settings.attributes.group, attributes.group),
        ] {
            *to = from.or_else(|| to.take());
        }
        if !attributes.tags.is_empty() {
            settings.attributes.tags = attributes.tags;
        }
        let offset = &mut settings.attributes.utc_offset_minutes;
        *offset = attributes.utc_offset_minutes.or(*offset);
        if server.is_some() {
            settings.server = server;
        }
        if enrolment_key.is_some() {
            settings.enrolment_key = enrolment_key;
        }
        if let Some(device_id) = device_id {
            settings.device_id = device_id;
        }
        for (to, from) in [
            (&mut settings.poll_seconds, poll_seconds),
            (&mut settings.min_uptime_seconds, min_uptime_seconds),
            (&mut settings.stability_seconds, stability_seconds),
        ] {
            *to = from.unwrap_or(*to);
        }
    }

    /// Takes a setting's value as text, such as one that was given to a build. One that is not as the rule says is an
    /// error, and changes nothing.
    ///
    /// ```
    /// use updraft_agent::config::{Config, Setting};
    ///
    /// let mut config = Config::default();
    /// config.set(Setting::Server, "10.0.2.2:8080")?;
    /// assert_eq!(config.server.as_deref(), Some("http://10.0.2.2:8080"));
    /// assert!(config.set(Setting::PollSeconds, "soon").is_err());
    /// assert_eq!(config.poll_seconds, None);
    /// # Ok::<(), updraft_agent::config::ConfigFault>(())
    /// ```
    pub fn set(&mut self, setting: Setting, text: &str) -> Result<(), ConfigFault> {
        self.take(setting, setting.value(text)?);
        Ok(())
    }

    /// Keeps a value that was checked.
    fn take(&mut self, setting: Setting, value: Value<'_>) {
        let (text, seconds) = match value {
            Value::Text(text) => (Some(String::from(text)), None),
            Value::Seconds(seconds) => (None, Some(seconds)),
        };
        match setting {
            Setting::Server => self.server = text.map(with_scheme),
            Setting::EnrolmentKey => self.enrolment_key = text,
            Setting::PollSeconds => self.poll_seconds = seconds,
            Setting::MinUptimeSeconds => self.min_uptime_seconds = seconds,
            Setting::StabilitySeconds => self.stability_seconds = seconds,
            Setting::WifiSsid => self.wifi_ssid = text,
            Setting::WifiPassword => self.wifi_password = text,
            Setting::DeviceId => self.device_id = text.and_then(|text| text.parse().ok()),
            Setting::Hostname => self.hostname = text,
            Setting::Region => self.attributes.region = text,
            Setting::Site => self.attributes.site = text,
            Setting::Group => self.attributes.group = text,
            Setting::Tags => {
                let text = text.unwrap_or_default();
                self.attributes.tags = labels(&text).map(String::from).collect();
            }
            Setting::UtcOffset => {
                self.attributes.utc_offset_minutes = text.and_then(|text| utc_offset(&text));
            }
        }
    }
}

fn with_scheme(mut address: String) -> String {
    if !address.starts_with(SCHEME) {
        address.insert_str(0, SCHEME);
    }
    address.truncate(address.trim_end_matches('/').len());
    address
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Keys and passwords stay out of logs.
        f.debug_struct("Config")
            .field("server", &self.server)
            .field("wifi_ssid", &self.wifi_ssid)
            .field("device_id", &self.device_id)
            .field("hostname", &self.hostname)
            .finish_non_exhaustive()
    }
}
