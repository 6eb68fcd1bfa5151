//! What ESP-IDF's bootloader does: choose an app, load its segments, map the rest, jump.

use embedded_storage::nor_flash::ReadNorFlash;
use updraft_flash::partition::Table;
use updraft_flash::slot::AppSlot;
use updraft_virtual_device::bootloader::{BootConfig, Efuse, boot};
use updraft_virtual_device::nor_flash::VirtualFlash;

use crate::cpu::Cpu;
use crate::fault::ChipFault;
use crate::memory::{Memory, WINDOW_BYTES};
use crate::peripherals::{MMU_PAGE_BYTES, Peripherals};

/// Where Espressif's tools put the partition table, in bytes.
const TABLE_OFFSET: u32 = 0x8000;
/// The image header and that of a segment (ESP-IDF's `esp_app_format.h`), in bytes.
const HEADER: u32 = 24;
const SEGMENT_HEADER: u32 = 8;
/// The MMU's table.
const MMU_TABLE: u32 = 0x600C_5000;
/// Addresses that the cache shows, from the data and from the instruction bus.
const DATA_WINDOW: u32 = 0x3C00_0000;
const INSTRUCTION_WINDOW: u32 = 0x4200_0000;
/// Segments for addresses below are padding, and not loaded (ESP-IDF's `esp_image_format.c`).
const FIRST_LOADED: u32 = 0x1000_0000;
/// The end of the RAM that the bootloader has its stack in.
const BOOTLOADER_STACK: u32 = 0x3FCD_E710;

/// Boots: the slot that starts, and what the bootloader said.
pub(crate) fn start(
    cpu: &mut Cpu,
    memory: &mut Memory,
    bus: &mut Peripherals,
    efuse: &mut Efuse,
    config: BootConfig,
) -> Result<(AppSlot, Vec<String>), ChipFault> {
    let table = Table::read(&mut bus.flash, TABLE_OFFSET).map_err(|error| ChipFault::NoTable {
        offset: TABLE_OFFSET,
        reason: error.to_string(),
    })?;
    let chosen = boot(&mut bus.flash, &table, efuse, &config).map_err(ChipFault::Flash)?;
    let log = chosen.log;
    let Some((slot, partition)) = chosen.slot.and_then(|slot| Some((slot, table.app(slot)?)))
    else {
        return Err(ChipFault::NothingBoots { log });
    };
    let entry = load(memory, bus, partition.offset)?;
    cpu.enter_app(entry, BOOTLOADER_STACK);
    bus.forget_flash_time();
    Ok((slot, log))
}

/// Loads the verified image at `offset`; gives its entry.
fn load(memory: &mut Memory, bus: &mut Peripherals, offset: u32) -> Result<u32, ChipFault> {
    let [_, segments, ..] = read::<4>(&mut bus.flash, offset)?;
    let entry = u32::from_le_bytes(read(&mut bus.flash, offset + 4)?);
    let mut at = offset + HEADER;
    for _ in 0..segments {
        let address = u32::from_le_bytes(read(&mut bus.flash, at)?);
        let length = u32::from_le_bytes(read(&mut bus.flash, at + 4)?);
        at += SEGMENT_HEADER;
        let mapped = [DATA_WINDOW, INSTRUCTION_WINDOW]
            .into_iter()
            .map(|window| address.wrapping_sub(window))
            .find(|&inside| (inside as usize) < WINDOW_BYTES);
        match mapped {
            Some(inside) => map(memory, bus, inside, at, length),
            None if address < FIRST_LOADED => {}
            None => {
                let mut bytes = vec![0; length as usize];
                bus.flash.read(at, &mut bytes).map_err(ChipFault::Flash)?;
                memory
                    .write(address, &bytes)
                    .ok_or(ChipFault::Segment { address, length })?;
            }
        }
        at += length;
    }
    Ok(entry)
}

/// Maps `length` bytes of the flash at `at`, so that they show at `inside` of the window. The
/// image is made so that both are the same within a page.
fn map(memory: &mut Memory, bus: &mut Peripherals, inside: u32, at: u32, length: u32) {
    let page = MMU_PAGE_BYTES as u32;
    let first = inside / page;
    let last = inside.saturating_add(length.saturating_sub(1)) / page;
    for (entry, flash_page) in (first..=last).zip(at / page..) {
        let _ = bus.write(memory, MMU_TABLE + 4 * entry, flash_page);
    }
}

fn read<const N: usize>(flash: &mut VirtualFlash, at: u32) -> Result<[u8; N], ChipFault> {
    let mut bytes = [0; N];
    flash.read(at, &mut bytes).map_err(ChipFault::Flash)?;
    Ok(bytes)
}
