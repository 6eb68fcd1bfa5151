//! A panic notes where it was, says so, and resets the chip.
//!
//! It must not halt: only a reset gives the bootloader the chance to go back to the previous image.

use core::panic::PanicInfo;

use esp_println::println;

use crate::{record, system};

#[panic_handler]
fn note_and_reset(info: &PanicInfo<'_>) -> ! {
    record::panicked(info);
    println!("{info}");
    system::drain_and_reset()
}
