//! Updraft's own firmware for the ESP32-C3, carried along for the demo and the virtual devices: the real
//! images of `fixtures/firmware`, which says how they came to be.

/// 1.0.0, which works.
pub(crate) const HEALTHY_1_0_0: &[u8] =
    include_bytes!("../../../fixtures/firmware/updraft-c3-1.0.0.bin");

/// 1.1.0, which works.
pub(crate) const HEALTHY_1_1_0: &[u8] =
    include_bytes!("../../../fixtures/firmware/updraft-c3-1.1.0.bin");

/// 1.2.0, which panics as soon as it is started.
pub(crate) const PANICS_1_2_0: &[u8] =
    include_bytes!("../../../fixtures/firmware/updraft-c3-1.2.0.bin");
