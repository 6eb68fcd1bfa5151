//! What this image says of itself, and what the device is called.

use alloc::format;

use esp_hal::efuse;
use esp_println::println;
use updraft_protocol::{DeviceId, DeviceTypeName, ResetReason};

use crate::record::Last;

/// The project, one for each chip, so that an image for another chip differs in name as well as in chip id.
#[cfg(feature = "esp32c3")]
pub const PROJECT: &str = "updraft-c3";
#[cfg(feature = "esp32c6")]
pub const PROJECT: &str = "updraft-c6";
#[cfg(feature = "esp32s3")]
pub const PROJECT: &str = "updraft-s3";

/// The semantic version of this build: `UPDRAFT_FIRMWARE_VERSION` at build time, else the package's.
pub const VERSION: &str = match option_env!("UPDRAFT_FIRMWARE_VERSION") {
    Some(version) => version,
    None => env!("CARGO_PKG_VERSION"),
};

/// Raised only when older images must never run again; a bootloader with anti-rollback burns it into eFuses.
pub const SECURE_VERSION: u32 = 0;

// The descriptor's fields hold 32 bytes with a NUL; a longer version would be cut without a word.
const _: () = assert!(
    !VERSION.is_empty() && VERSION.len() < 32,
    "UPDRAFT_FIRMWARE_VERSION must have 1 to 31 bytes"
);

// Date and time are fixed: the same sources must give the same bytes. The version tells builds apart.
const BUILD_TIME: &str = "00:00:00";
const BUILD_DATE: &str = "2026-01-01";
/// eFuse block revisions (major * 100 + minor) that the image runs on: any.
const EFUSE_BLOCK_REVISIONS: (u16, u16) = (0, u16::MAX);

esp_bootloader_esp_idf::esp_app_desc!(
    VERSION,
    PROJECT,
    BUILD_TIME,
    BUILD_DATE,
    esp_bootloader_esp_idf::ESP_IDF_COMPATIBLE_VERSION,
    esp_bootloader_esp_idf::MMU_PAGE_SIZE,
    EFUSE_BLOCK_REVISIONS.0,
    EFUSE_BLOCK_REVISIONS.1,
    SECURE_VERSION
);

/// The address of a chip whose eFuses hold none, as in an emulator: a locally administered one ("updrft").
const NO_ADDRESS: [u8; 6] = [0x02, 0x75, 0x70, 0x64, 0x72, 0x66];

/// The chip's MAC address.
pub fn mac() -> [u8; 6] {
    let mut address = [0; 6];
    address.copy_from_slice(efuse::base_mac_address().as_bytes());
    if address == [0; 6] {
        NO_ADDRESS
    } else {
        address
    }
}

/// What the device is called unless it is told otherwise: its chip and its MAC address.
pub fn device_id() -> DeviceId {
    let [a, b, c, d, e, f] = mac();
    name(&format!(
        "{}-{a:02x}{b:02x}{c:02x}{d:02x}{e:02x}{f:02x}",
        esp_hal::chip!()
    ))
}

/// What kind of device it is.
pub fn device_type() -> DeviceTypeName {
    name(esp_hal::chip!())
}

/// A name that is one by the way it is made.
fn name<T: core::str::FromStr>(text: &str) -> T
where
    T::Err: core::fmt::Debug,
{
    match text.parse() {
        Ok(name) => name,
        Err(fault) => panic!("{text} is no name: {fault:?}"),
    }
}

/// Prints who this is and why it started, first thing after a reset.
pub fn print(reset: ResetReason, last: &Last) {
    println!(
        "{PROJECT} {VERSION} on {}, secure version {SECURE_VERSION}",
        esp_hal::chip!()
    );
    println!("last reset: {reset:?}");
    if let Last::Panicked(words) = last {
        println!("last panic: {}", words.as_str());
    }
}
