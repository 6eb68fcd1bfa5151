//! One case, as it stands in the file.

use std::fmt;

use serde::Deserialize;

/// What is asked of ESP-IDF.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Op {
    /// The bootloader chooses and loads an app.
    Boot,
    /// `esp_ota_set_boot_partition`, after a good image check.
    SetBoot,
    /// `esp_ota_mark_app_valid_cancel_rollback`.
    MarkValid,
    /// `esp_ota_mark_app_invalid_rollback`.
    MarkInvalid,
}

/// Which images pass the bootloader's verification.
#[derive(Clone, Debug, Deserialize)]
pub struct ImageOk {
    /// The factory app's.
    pub factory: bool,
    /// Those in the OTA slots.
    pub ota: Vec<bool>,
}

/// What a real device does.
#[derive(Clone, Debug, Deserialize)]
pub struct Expected {
    /// For a boot: `factory`, `ota_N`, or nothing.
    pub booted: Option<String>,
    /// For everything else: `ok`, or the error.
    pub result: Option<String>,
    /// The two records afterwards, in hex.
    pub otadata: [String; 2],
    /// The eFuse's secure version afterwards.
    pub efuse_secure_version: u32,
}

/// One case: before, question, answer.
#[derive(Clone, Debug, Deserialize)]
pub struct Case {
    /// What is asked.
    pub op: Op,
    /// `CONFIG_BOOTLOADER_APP_ROLLBACK_ENABLE`.
    pub rollback: bool,
    /// `CONFIG_BOOTLOADER_APP_ANTI_ROLLBACK`.
    pub anti_rollback: bool,
    /// Whether there is a factory app.
    pub factory: bool,
    /// How many OTA slots there are.
    pub ota_slots: u8,
    /// The two records before, in hex.
    pub otadata: [String; 2],
    /// Which images verify.
    pub image_ok: ImageOk,
    /// The secure version of the app in each OTA slot.
    pub secure_version: Vec<u32>,
    /// The eFuse's secure version before.
    pub efuse_secure_version: u32,
    /// For `set_boot`: the slot to set.
    pub target: Option<String>,
    /// For `mark_…`: the slot the code runs from.
    pub running: Option<String>,
    /// What a real device does.
    pub expect: Expected,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.op)?;
        for slot in [&self.target, &self.running].into_iter().flatten() {
            write!(f, " {slot}")?;
        }
        write!(
            f,
            ", rollback {}, anti-rollback {}, factory {}, {} OTA slots, images {:?}, \
             secure versions {:?}, eFuse {}\n  before: {}\n          {}",
            self.rollback,
            self.anti_rollback,
            self.factory,
            self.ota_slots,
            self.image_ok,
            self.secure_version,
            self.efuse_secure_version,
            self.otadata[0],
            self.otadata[1]
        )
    }
}
