//! `esp_rom_spiflash_…`: reading, erasing and programming the flash. They answer 0, or 1 for an
//! error.

use embedded_storage::nor_flash::{NorFlash, ReadNorFlash};
use updraft_virtual_device::nor_flash::{BLOCK_64K, FlashError, SECTOR_SIZE};

use super::{Call, Handler, Outcome};

const OK: u32 = 0;
const ERROR: u32 = 1;

pub(super) fn find(name: &str) -> Option<Handler> {
    Some(match name {
        "esp_rom_spiflash_read" => read,
        "esp_rom_spiflash_write" => write,
        "esp_rom_spiflash_erase_sector" => |call| erase(call, SECTOR_SIZE),
        "esp_rom_spiflash_erase_block" => |call| erase(call, BLOCK_64K),
        // Nothing is ever locked, busy or to be set up.
        "esp_rom_spiflash_unlock"
        | "esp_rom_spiflash_wait_idle"
        | "esp_rom_spiflash_config_param"
        | "esp_rom_spiflash_config_clk"
        | "esp_rom_spiflash_config_readmode"
        | "esp_rom_spiflash_write_disable"
        | "esp_rom_spiflash_attach" => |call| call.give(OK),
        _ => return None,
    })
}

fn read(call: &mut Call<'_>) -> Outcome {
    let (from, to, length) = (call.argument(0), call.argument(1), call.argument(2));
    let mut bytes = vec![0; (length as usize).min(call.bus.flash.capacity())];
    let result = call.bus.flash.read(from, &mut bytes);
    if call.memory.write(to, &bytes).is_none() {
        return Outcome::BadAddress(to);
    }
    answer(call, result)
}

fn write(call: &mut Call<'_>) -> Outcome {
    let (to, from, length) = (call.argument(0), call.argument(1), call.argument(2));
    let Some(bytes) = call.memory.slice(from, length as usize).map(<[u8]>::to_vec) else {
        return Outcome::BadAddress(from);
    };
    let result = call.bus.flash.write(to, &bytes);
    answer(call, result)
}

/// Erases the unit of `size` bytes whose number is the first argument.
fn erase(call: &mut Call<'_>, size: u32) -> Outcome {
    let start = call.argument(0).saturating_mul(size);
    let result = call.bus.flash.erase(start, start.saturating_add(size));
    answer(call, result)
}

/// Answers, and lets the time go by that the flash took.
fn answer(call: &mut Call<'_>, result: Result<(), FlashError>) -> Outcome {
    call.bus.pass_flash_time();
    call.give(if result.is_ok() { OK } else { ERROR })
}
