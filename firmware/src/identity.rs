//! What this image says of itself: the application descriptor that ESP-IDF's bootloader, `esptool` and Updraft read.

use esp_println::println;

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

/// Prints who this is and why it started, first thing after a reset.
pub fn print() {
    println!(
        "{PROJECT} {VERSION} on {}, secure version {SECURE_VERSION}",
        esp_hal::chip!()
    );
    println!("last reset: {:?}", esp_hal::system::reset_reason());
}
