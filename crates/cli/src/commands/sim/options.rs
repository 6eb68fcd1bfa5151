//! What virtual devices need to be told, one or many.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use updraft_agent::Settings;
use updraft_flash::partition::{Table, layout};
use updraft_protocol::api::Attributes;
use updraft_protocol::{DeviceId, DeviceTypeName};
use updraft_virtual_device::device::manufacture;
use updraft_virtual_device::host::MqttBroker;
use updraft_virtual_device::nor_flash::{FlashSize, VirtualFlash};

use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;
use crate::settings::variable;

/// How the flash of a new virtual device is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Layout {
    /// 4 MB: factory and two OTA slots of 1.25 MB
    Factory4mb,
    /// 4 MB: two OTA slots of 1.9 MB, no factory app
    TwoSlots4mb,
    /// 16 MB: factory and three OTA slots of 2 MB
    ThreeSlots16mb,
}

impl Layout {
    fn table(self) -> (Table, FlashSize) {
        match self {
            Self::Factory4mb => (layout::factory_4mb(), FlashSize::Mb4),
            Self::TwoSlots4mb => (layout::two_slots_4mb(), FlashSize::Mb4),
            Self::ThreeSlots16mb => (layout::three_slots_16mb(), FlashSize::Mb16),
        }
    }
}

/// Options of one virtual device and of a fleet of them.
#[derive(Debug, Args)]
#[expect(
    clippy::doc_markdown,
    reason = "these comments are shown on terminals, where backticks are noise"
)]
pub(crate) struct DeviceOptions {
    /// What the devices are
    #[arg(long = "type", value_name = "TYPE", default_value = "esp32c3")]
    pub(crate) device_type: DeviceTypeName,
    /// The app a new device leaves the factory with [default: Updraft's own firmware, 1.0.0]
    #[arg(long, value_name = "FILE")]
    firmware: Option<PathBuf>,
    /// How the flash of a new device is divided
    #[arg(long, value_enum, default_value = "factory4mb")]
    layout: Layout,
    /// The fleet's key, with which devices get their tokens [env: UPDRAFT_ENROLMENT_KEY]
    #[arg(long, value_name = "KEY", conflicts_with = "enrolment_key_file")]
    enrolment_key: Option<String>,
    /// A file with the fleet's key, such as the server's enrolment-key
    #[arg(long, value_name = "FILE")]
    enrolment_key_file: Option<PathBuf>,
    /// The MQTT broker that tells the devices when to update (mqtt://HOST:1883); without one they poll
    #[arg(long, value_name = "URL", env = "UPDRAFT_SIM_MQTT")]
    mqtt: Option<String>,
    /// A PEM file with the certificates to trust, for mqtts://
    #[arg(long, value_name = "FILE", requires = "mqtt")]
    mqtt_ca: Option<PathBuf>,
    /// How many times as fast as a clock the devices' time runs
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) speed: u32,
    /// Give the devices a bootloader that does not roll back, as espflash's do not: their apps go back by themselves
    #[arg(long)]
    pub(crate) bootloader_without_rollback: bool,
    /// Seconds of the devices' time between two check-ins, while the server has not said
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    poll: u32,
    /// Seconds of the devices' time from power-on to the first check-in
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    min_uptime: u32,
    /// Seconds of the devices' time a new app must be well before it is confirmed
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    stability: u32,
    /// The region the devices say they are in
    #[arg(long)]
    region: Option<String>,
    /// The site they say they are at, such as a building
    #[arg(long)]
    site: Option<String>,
    /// The group they say they belong to
    #[arg(long)]
    group: Option<String>,
    /// Another word they say rollouts may be aimed by; may be repeated
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// Minutes their own time is ahead of UTC, for maintenance windows
    #[arg(long, value_name = "MINUTES", allow_negative_numbers = true)]
    utc_offset: Option<i16>,
}

impl DeviceOptions {
    /// The MQTT broker, if one was named.
    pub(crate) fn broker(&self) -> Result<Option<MqttBroker>, Failure> {
        let Some(url) = &self.mqtt else {
            return Ok(None);
        };
        MqttBroker::new(url, self.mqtt_ca.as_deref())
            .map(Some)
            .map_err(|error| {
                Failure::new(Exit::Usage, "bad_mqtt_url", error.to_string()).hint(
                    "name the broker with --mqtt mqtt://HOST:1883; for mqtts:// add --mqtt-ca FILE",
                )
            })
    }

    /// The updater's settings for a device of this name.
    pub(crate) fn settings(&self, context: &Context, id: DeviceId) -> Result<Settings, Failure> {
        let mut settings = Settings::new(
            context.settings.server.clone(),
            id,
            self.device_type.clone(),
        );
        settings.enrolment_key = self.enrolment_key()?;
        settings.poll_seconds = self.poll;
        settings.min_uptime_seconds = self.min_uptime;
        settings.stability_seconds = self.stability;
        settings.attributes = Box::new(self.attributes()?);
        Ok(settings)
    }

    fn attributes(&self) -> Result<Attributes, Failure> {
        Attributes {
            region: self.region.clone(),
            site: self.site.clone(),
            group: self.group.clone(),
            tags: self.tags.clone(),
            utc_offset_minutes: self.utc_offset,
        }
        .checked()
        .map_err(|error| Failure::new(Exit::Usage, error.code(), error.to_string()))
    }

    fn enrolment_key(&self) -> Result<Option<String>, Failure> {
        // A flag, whichever it is, goes before the environment.
        let Some(path) = &self.enrolment_key_file else {
            let given = self.enrolment_key.clone();
            return Ok(given.or_else(|| variable("UPDRAFT_ENROLMENT_KEY")));
        };
        std::fs::read_to_string(path)
            .map(|key| Some(key.trim().to_owned()))
            .map_err(|error| unreadable(path, &error))
    }

    /// A flash as it leaves the factory, in memory.
    pub(crate) fn new_flash(&self) -> Result<VirtualFlash, Failure> {
        let mut flash = VirtualFlash::new(self.layout.table().1);
        self.manufacture(&mut flash)?;
        Ok(flash)
    }

    /// The flash in `path`; a new one, as it leaves the factory, if there is no such file.
    pub(crate) fn flash_file(&self, path: &Path) -> Result<VirtualFlash, Failure> {
        let failed = |error: &dyn std::fmt::Display| {
            Failure::new(
                Exit::Unexpected,
                "flash_file",
                format!("{}: {error}", path.display()),
            )
            .hint("give the file another name to begin with a new device")
        };
        if path.exists() {
            return VirtualFlash::open(path).map_err(|error| failed(&error));
        }
        let mut flash =
            VirtualFlash::create(path, self.layout.table().1).map_err(|error| failed(&error))?;
        if let Err(error) = self.manufacture(&mut flash) {
            // A flash without an app would be taken for a device the next time.
            drop(flash);
            let _ = std::fs::remove_file(path);
            return Err(error);
        }
        Ok(flash)
    }

    fn manufacture(&self, flash: &mut VirtualFlash) -> Result<(), Failure> {
        let app = match &self.firmware {
            Some(path) => std::fs::read(path).map_err(|error| unreadable(path, &error))?,
            None => crate::demo_firmware::HEALTHY_1_0_0.to_vec(),
        };
        manufacture(flash, &self.layout.table().0, &app).map_err(|error| {
            Failure::new(Exit::Refused, "cannot_manufacture", error.to_string())
                .hint("choose another --layout or a smaller --firmware")
        })
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(
        Exit::Unexpected,
        "file_unreadable",
        format!("cannot read {}: {error}", path.display()),
    )
    .hint("check the path, and that you may read it")
}

/// A name nobody else has, for a device that was given none: from the machine's own environment.
pub(crate) fn default_id(flash: &Path) -> String {
    let stem = flash.file_stem().unwrap_or_default().to_string_lossy();
    let host = variable("HOSTNAME").unwrap_or_else(|| "virtual".to_owned());
    format!("{host}-{stem}")
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .take(64)
        .collect()
}
