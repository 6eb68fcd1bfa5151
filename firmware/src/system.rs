//! The chip: which it is, where its code is mapped from, why it was reset, its randomness, its reset.

use alloc::format;
use alloc::string::String;
use core::convert::Infallible;

use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_sync::signal::Signal;
use embassy_time::{Duration, Timer};
use esp_hal::delay::Delay;
use esp_hal::efuse;
use esp_hal::rng::Rng;
use updraft_agent::System;
use updraft_flash::partition::{TABLE_OFFSET, Table};
use updraft_flash::slot::AppSlot;
use updraft_image::Chip;
use updraft_protocol::ResetReason;

use crate::flash::Flash;
use crate::record::{self, Last};

/// Set when the device is about to restart, for whoever says goodbye.
pub static LEAVING: Signal<CriticalSectionRawMutex, ()> = Signal::new();

/// Time for goodbyes and for what is still in the sockets.
const GOODBYE: Duration = Duration::from_millis(300);

/// Time for the last line to leave the serial port, in milliseconds: 128 bytes of FIFO at 115,200 baud take 12.
const DRAIN_MILLISECONDS: u32 = 50;

/// The chip this program runs on.
pub struct ChipSystem {
    /// The slot this code runs from.
    pub running: AppSlot,
    /// Why the chip was reset before.
    pub reset_reason: ResetReason,
}

impl System for ChipSystem {
    fn chip(&self) -> Chip {
        CHIP
    }

    fn running_slot(&self) -> AppSlot {
        self.running
    }

    fn reset_reason(&self) -> ResetReason {
        self.reset_reason
    }

    fn secure_version(&self) -> u32 {
        // One bit burnt for each version that must not run any more.
        efuse::read_field_le::<u16>(efuse::SECURE_VERSION).count_ones()
    }

    fn random(&self, bytes: &mut [u8]) {
        // Truly random while the radio is on; it is before anybody is talked to.
        Rng::new().read(bytes);
    }

    fn feed_watchdog(&self) {
        crate::watchdog::feed_now();
    }

    async fn reboot(&self) -> Infallible {
        LEAVING.signal(());
        Timer::after(GOODBYE).await;
        restart()
    }
}

/// Resets the chip on purpose.
pub fn restart() -> ! {
    record::restarting();
    drain_and_reset()
}

/// Resets the chip once the last line has left the serial port.
pub fn drain_and_reset() -> ! {
    Delay::new().delay_millis(DRAIN_MILLISECONDS);
    esp_hal::system::software_reset()
}

#[cfg(feature = "esp32c3")]
const CHIP: Chip = Chip::Esp32c3;
#[cfg(feature = "esp32c6")]
const CHIP: Chip = Chip::Esp32c6;
#[cfg(feature = "esp32s3")]
const CHIP: Chip = Chip::Esp32s3;

/// Why the chip was reset: by its register, and by the last boot's own account where that knows better.
pub fn reset_reason(last: &Last) -> ResetReason {
    // The numbers are the same on every chip, the names are not (TRM, "Reset and Clock").
    let register = esp_hal::system::reset_reason().map_or(0, |reason| reason as u32);
    match register {
        // Espressif's QEMU says "power on" whatever happened. Its watchdog, or an operator's reset, leaves a record
        // that says "running"; only power-on leaves none.
        0x01 if cfg!(feature = "openeth") => match last {
            Last::Unknown => ResetReason::PowerOn,
            Last::Running => ResetReason::Watchdog,
            Last::Restarting => ResetReason::Software,
            Last::Panicked(_) => ResetReason::Panic,
        },
        0x01 => ResetReason::PowerOn,
        0x03 | 0x0c => match last {
            Last::Panicked(_) => ResetReason::Panic,
            _ => ResetReason::Software,
        },
        0x05 => ResetReason::DeepSleep,
        0x07..=0x09 | 0x0b | 0x0d | 0x10..=0x12 => ResetReason::Watchdog,
        0x0f => ResetReason::Brownout,
        0x15 | 0x16 | 0x18 => ResetReason::External,
        _ => ResetReason::Unknown,
    }
}

/// The slot this code is mapped from, or why that is none.
///
/// Otadata says what should run. What does run is what the bootloader entered into the MMU.
pub fn running_slot(flash: &mut Flash) -> Result<AppSlot, String> {
    // By reference: a table has 3 KiB, and each move of it would be a copy on the stack.
    let read = Table::read(flash, TABLE_OFFSET);
    let table = match &read {
        Ok(table) => table,
        Err(fault) => return Err(format!("the partition table cannot be read: {fault}")),
    };
    let code = running_slot as fn(&mut Flash) -> Result<AppSlot, String>;
    let address = mmu::page_of(code as usize as u32).saturating_mul(mmu::PAGE_SIZE);
    let found = table.entries().iter().find_map(|entry| {
        let within = address >= entry.offset && u64::from(address) < entry.end();
        entry.kind.app_slot().filter(|_| within)
    });
    found.ok_or_else(|| format!("this code runs from {address:#x}, where no app is to be"))
}

/// The flash MMU, which maps pages of flash to addresses.
mod mmu {
    /// Bytes of a page. Configurable on an ESP32-C6, and then in `esp-bootloader-esp-idf`'s settings as well.
    pub const PAGE_SIZE: u32 = esp_bootloader_esp_idf::MMU_PAGE_SIZE;

    /// Bytes of address space behind the MMU's table, which begins anew in every region of addresses.
    #[cfg(feature = "esp32c3")]
    const SPAN: u32 = 0x0080_0000;
    #[cfg(feature = "esp32c6")]
    const SPAN: u32 = 0x0100_0000;
    #[cfg(feature = "esp32s3")]
    const SPAN: u32 = 0x0200_0000;

    /// Number of the page of flash that is mapped to this address.
    pub fn page_of(address: u32) -> u32 {
        entry(address % SPAN / PAGE_SIZE)
    }

    /// The table lies in memory, one word an entry, the page in its low bits (TRM, "System and Memory").
    #[cfg(any(feature = "esp32c3", feature = "esp32s3"))]
    fn entry(index: u32) -> u32 {
        const TABLE: *const u32 = 0x600c_5000 as *const u32;
        const PAGE: u32 = if cfg!(feature = "esp32c3") {
            0xff
        } else {
            0x3fff
        };
        // SAFETY: a read of a table that the bootloader filled, within its bounds by SPAN; it has no side effect.
        unsafe { TABLE.add(index as usize).read_volatile() & PAGE }
    }

    /// The table is read by number, through two registers of SPI0 (TRM, "SPI Controller").
    #[cfg(feature = "esp32c6")]
    fn entry(index: u32) -> u32 {
        const CONTENT: *const u32 = 0x6000_237c as *const u32;
        const INDEX: *mut u32 = 0x6000_2380 as *mut u32;
        // SAFETY: the index only chooses what is read; called at boot, where nothing else uses these registers.
        unsafe {
            INDEX.write_volatile(index);
            CONTENT.read_volatile() & 0x1ff
        }
    }
}
