//! The device's settings in a flash image: `--set` and `--set-file`.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use embedded_storage::nor_flash::ReadNorFlash as _;
use updraft_agent::config::{MAX_TEXT, Setting, Value};
use updraft_flash::nvs::{Nvs, NvsError};
use updraft_flash::partition::Entry;
use updraft_flash::region::Region;
use updraft_virtual_device::nor_flash::{FlashSize, VirtualFlash};

use crate::error::Failure;
use crate::exit::Exit;
use crate::output::Output;

/// Most bytes read of a value's file: more than any value has, so that too long a one is seen to be.
const MAX_FILE: u64 = MAX_TEXT as u64 + 2;

/// `KEY=VALUE` or `KEY=FILE`, with a key the device knows.
#[derive(Clone)]
pub(super) struct Assignment {
    setting: Setting,
    right: String,
}

impl std::fmt::Debug for Assignment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The value may be a secret.
        f.debug_tuple("Assignment")
            .field(&self.setting.key())
            .finish()
    }
}

impl FromStr for Assignment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let keys = || Setting::ALL.map(Setting::key).join(", ");
        let (key, right) = text
            .split_once('=')
            .ok_or_else(|| format!("write KEY=VALUE; the keys are {}", keys()))?;
        let setting = Setting::of_key(key)
            .ok_or_else(|| format!("{key:?} is not a key; the keys are {}", keys()))?;
        Ok(Self {
            setting,
            right: right.to_owned(),
        })
    }
}

/// Settings and their values, no setting twice.
pub(super) struct Settings(Vec<(Setting, String)>);

impl Settings {
    /// Takes the values given and those in files, and checks them.
    pub(super) fn gather(
        given: Vec<Assignment>,
        files: Vec<Assignment>,
        output: Output,
    ) -> Result<Self, Failure> {
        let mut settings = Self(Vec::new());
        for Assignment { setting, right } in given {
            if setting.is_secret() {
                let key = setting.key();
                output.warn(&format!(
                    "{key} on a command line can be seen by others and stays in the shell's history; --set-file {key}=FILE does not"
                ));
            }
            settings.add(setting, right, None)?;
        }
        for Assignment { setting, right } in files {
            let path = PathBuf::from(right);
            let text = read(setting, &path)?;
            settings.add(setting, text, Some(&path))?;
        }
        Ok(settings)
    }

    /// The keys, in the order they were given.
    pub(super) fn keys(&self) -> Vec<&'static str> {
        self.0.iter().map(|(setting, _)| setting.key()).collect()
    }

    /// Whether one of them must not be shown.
    pub(super) fn has_secret(&self) -> bool {
        self.0.iter().any(|(setting, _)| setting.is_secret())
    }

    /// The bytes of an NVS partition that holds them.
    pub(super) fn nvs(&self, partition: &Entry) -> Result<Vec<u8>, Failure> {
        // The writer is the device's own, so it writes to a flash. NVS takes at most 64 KiB; this one holds more.
        let mut flash = VirtualFlash::new(FlashSize::Mb4);
        let refuse = |code, what: String| {
            let hint = "ESP-IDF's own tables give nvs 0x4000 to 0x6000 bytes";
            let name = partition.label.as_str().unwrap_or("nvs");
            Failure::new(Exit::Refused, code, format!("{name}: {what}")).hint(hint)
        };
        let size = partition.size;
        let mut region = Region::new(&mut flash, 0, size)
            .map_err(|error| refuse("nvs_size", error.to_string()))?;
        let mut write = || {
            let mut nvs = Nvs::mount(&mut region, size)?;
            for (setting, text) in &self.0 {
                let value = setting.value(text).unwrap_or(Value::Text(text));
                setting.store(&mut nvs, value)?;
            }
            Ok(())
        };
        write().map_err(|error: NvsError<_>| refuse(error.code(), error.to_string()))?;
        let mut bytes = vec![0; size as usize];
        region
            .read(0, &mut bytes)
            .map_err(|error| refuse("nvs_flash", format!("{error:?}")))?;
        Ok(bytes)
    }

    fn add(&mut self, setting: Setting, text: String, file: Option<&Path>) -> Result<(), Failure> {
        let key = setting.key();
        if self.0.iter().any(|(other, _)| *other == setting) {
            let message = format!("{key} is given twice");
            return Err(Failure::new(Exit::Usage, "setting_twice", message).hint("give it once"));
        }
        if let Err(fault) = setting.value(&text) {
            let place = file.map(|path| format!("{}: ", path.display()));
            let message = format!("{}{fault}", place.unwrap_or_default());
            return Err(Failure::new(Exit::Usage, fault.code(), message)
                .hint("docs/factory.md lists the keys and what each takes"));
        }
        self.0.push((setting, text));
        Ok(())
    }
}

/// The value in a file: its text without the line's end that editors put there.
fn read(setting: Setting, path: &Path) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(MAX_FILE).read_to_end(&mut bytes))
        .map_err(|error| {
            let exit = match error.kind() {
                std::io::ErrorKind::NotFound => Exit::NotFound,
                _ => Exit::Unexpected,
            };
            let message = format!("cannot read {}: {error}", path.display());
            Failure::new(exit, "file_unreadable", message)
        })?;
    let mut text = String::from_utf8(bytes).map_err(|_| {
        let message = format!("{}: {} is not UTF-8 text", path.display(), setting.key());
        Failure::new(Exit::Usage, "config_value", message)
    })?;
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    Ok(text)
}
