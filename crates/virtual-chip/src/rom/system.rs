//! The ROM's functions on the chip itself: delays, resets, clocks, the serial line.

use super::{Handler, Outcome};

const NS_PER_US: u64 = 1000;

pub(super) fn find(name: &str) -> Option<Handler> {
    Some(match name {
        "ets_delay_us" => |call| {
            call.bus.clock.pass(u64::from(call.argument(0)) * NS_PER_US);
            Outcome::Done
        },
        "software_reset" | "software_reset_cpu" => |call| {
            call.bus.request_reset();
            Outcome::Done
        },
        "rtc_get_reset_reason" => |call| call.give(crate::peripherals::POWER_ON),
        "rtc_get_wakeup_cause" => |call| call.give(0),
        "uart_tx_one_char" | "uart_tx_one_char2" | "uart_tx_one_char3" => |call| {
            call.bus.uart.send(call.argument(0) as u8);
            call.give(0)
        },
        // The serial line is UART 0, whose queue is always empty.
        "ets_get_printf_channel" | "uart_rx_one_char" | "ets_efuse_get_uart_print_channel" => {
            |call| call.give(0)
        }
        "crc32_le" => |call| {
            let (crc, at, length) = (call.argument(0), call.argument(1), call.argument(2));
            match call.memory.slice(at, length as usize) {
                Some(bytes) => {
                    let crc = crc32_le(crc, bytes);
                    call.give(crc)
                }
                None => Outcome::BadAddress(at),
            }
        },
        // The analogue parts: every calibration has come to an end.
        "rom_i2c_readReg" | "rom_i2c_readReg_Mask" => |call| call.give(0xFF),
        "uart_tx_flush"
        | "uart_tx_wait_idle"
        | "ets_update_cpu_frequency"
        | "ets_install_putc1"
        | "ets_install_uart_printf"
        | "rom_i2c_writeReg"
        | "rom_i2c_writeReg_Mask"
        | "Cache_Invalidate_Addr"
        | "Cache_Invalidate_ICache_All"
        | "Cache_Invalidate_ICache_Items" => |_| Outcome::Done,
        "Cache_Disable_ICache" | "Cache_Suspend_ICache" => |call| call.give(0),
        "Cache_Enable_ICache" | "Cache_Resume_ICache" => |_| Outcome::Done,
        _ => return None,
    })
}

/// The ROM's CRC-32: the usual one, whose start and end are inverted by the function itself.
fn crc32_le(crc: u32, bytes: &[u8]) -> u32 {
    let mut crc = !crc;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xEDB8_8320 * (crc & 1));
        }
    }
    !crc
}
