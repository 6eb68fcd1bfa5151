//! A panic notes where it was, says so, and resets the chip.
//!
//! It must not halt: only a reset gives the bootloader the chance to go back to the previous image.

use core::panic::PanicInfo;

use esp_hal::delay::Delay;
use esp_println::println;

use crate::record;

/// Time for the last line to leave the serial port, in milliseconds: 128 bytes of FIFO at 115,200 baud take 12.
const DRAIN_MILLISECONDS: u32 = 50;

#[panic_handler]
fn note_and_reset(info: &PanicInfo<'_>) -> ! {
    record::panicked(info);
    println!("{info}");
    Delay::new().delay_millis(DRAIN_MILLISECONDS);
    esp_hal::system::software_reset()
}
