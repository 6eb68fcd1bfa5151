//! Hands the linker its scripts, and the compiler the settings of this build.

use std::env;
use std::path::Path;

/// What `src/config.rs` takes from the environment. A changed value makes a new program.
const SETTINGS: [&str; 9] = [
    "UPDRAFT_FIRMWARE_VERSION",
    "UPDRAFT_SERVER",
    "UPDRAFT_ENROLMENT_KEY",
    "UPDRAFT_POLL_SECONDS",
    "UPDRAFT_MIN_UPTIME_SECONDS",
    "UPDRAFT_STABILITY_SECONDS",
    "UPDRAFT_WIFI_SSID",
    "UPDRAFT_WIFI_PASSWORD",
    "UPDRAFT_DEVICE_ID",
];

fn main() {
    // Here and not in `.cargo/config.toml`, which cargo reads only when called from this directory.
    println!("cargo:rustc-link-arg-bins=-Tlinkall.x");
    let here = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default();
    let script = Path::new(&here).join("record.x");
    println!("cargo:rustc-link-arg-bins=-T{}", script.display());
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=record.x");
    for setting in SETTINGS {
        println!("cargo:rerun-if-env-changed={setting}");
    }
}
