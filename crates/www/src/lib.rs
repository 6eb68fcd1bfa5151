//! Web assets as a device keeps them: LittleFS images with a manifest.
#![no_std]
