//! The flash, by the mask ROM's functions and by the controller's registers.

use std::time::Duration;

use embedded_storage::nor_flash::ReadNorFlash;
use updraft_virtual_chip::{Ended, VirtualChip};
use updraft_virtual_device::nor_flash::Torn;

use crate::support::assembler::{A0, A1, A2, S0, T1, call, halt, li, lw, poke, send_word};
use crate::support::program::{Seen, flash, run};

const SPIFLASH_ERASE_SECTOR: u32 = 0x4000_0128;
const SPIFLASH_WRITE: u32 = 0x4000_012C;
const SPIFLASH_READ: u32 = 0x4000_0130;
const BUFFER: u32 = 0x3FC9_0000;
/// A place that no partition of the test's table starts at.
const PLACE: u32 = 0x3F_F000;

/// Erases a sector, programs a word, reads it back and sends it.
fn program() -> Vec<u32> {
    let mut code = li(A0, PLACE / 4096).to_vec();
    code.extend(call(SPIFLASH_ERASE_SECTOR));
    code.extend(poke(BUFFER, 0x1234_5678));
    for function in [SPIFLASH_WRITE, SPIFLASH_READ] {
        code.extend(li(A0, PLACE));
        code.extend(li(A1, BUFFER));
        code.extend(li(A2, 4));
        code.extend(call(function));
        code.extend(poke(BUFFER + 4, 0));
    }
    code.extend(li(T1, BUFFER));
    code.push(lw(S0, T1, 0));
    code.extend(send_word(S0));
    code.push(halt());
    code
}

#[test]
fn the_rom_erases_programs_and_reads() {
    let seen = Seen::default();
    let mut chip = VirtualChip::builder(flash(&program()))
        .observer(seen.observe())
        .build();
    chip.run_for(Duration::from_millis(200)).expect("it runs");
    assert_eq!(seen.serial(), 0x1234_5678_u32.to_le_bytes());
    let mut flash = chip.into_flash();
    let mut word = [0; 4];
    flash.read(PLACE, &mut word).expect("it can be read");
    assert_eq!(word, 0x1234_5678_u32.to_le_bytes());
    // One sector for the program's, one for the bootloader's first record.
    assert_eq!(flash.stats().sector_erases, 2);
}

#[test]
fn power_that_goes_in_an_operation_stops_the_chip_until_it_is_back() {
    let mut flash = flash(&program());
    // The bootloader's own operations come first: an erase and a program.
    flash.cut_power_at(3, Torn::Before);
    let seen = Seen::default();
    let mut chip = VirtualChip::builder(flash).observer(seen.observe()).build();
    assert_eq!(
        chip.run_for(Duration::from_secs(1)).expect("it runs"),
        Ended::PowerLost
    );
    chip.power_cycle();
    assert_eq!(
        chip.run_for(Duration::from_millis(200)).expect("it runs"),
        Ended::Time
    );
    assert_eq!(seen.serial(), 0x1234_5678_u32.to_le_bytes());
}

#[test]
fn the_controller_tells_the_chip_that_qemu_puts_in() {
    // SPI 1's command register, "read the identity".
    let mut code = poke(0x6000_2000, 1 << 28);
    code.extend(li(T1, 0x6000_2058));
    code.push(lw(S0, T1, 0));
    code.extend(send_word(S0));
    code.push(halt());
    assert_eq!(run(&code)[..3], [0xC8, 0x40, 0x16], "a GD25Q32");
}
