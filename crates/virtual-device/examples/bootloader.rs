//! Says which app a chip's bootloader starts from a whole flash image: `bootloader esp32c3 FLASH.bin`. The image stays as
//! it is.
//!
//! `scripts/firmware` asks this of every image it makes. Prints `factory`, `ota_0` and so on; with `--log` also, to
//! stderr, what the bootloader decided on its way. Exits with 1 if nothing starts.

use std::error::Error;
use std::process::ExitCode;

use updraft_flash::partition::{TABLE_OFFSET, Table};
use updraft_image::Chip;
use updraft_virtual_device::bootloader::{BootConfig, Efuse, boot};
use updraft_virtual_device::nor_flash::VirtualFlash;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let log = arguments.iter().position(|argument| argument == "--log");
    if let Some(log) = log {
        arguments.remove(log);
    }
    let [chip, image] = arguments.as_slice() else {
        eprintln!("usage: bootloader [--log] CHIP FLASH.bin");
        return Ok(ExitCode::from(2));
    };
    let chip: Chip = chip.to_string_lossy().parse()?;
    // A clone has no file: a bootloader writes to otadata.
    let mut flash = VirtualFlash::open(image)?.clone();
    let table = Table::read(&mut flash, TABLE_OFFSET)?;
    let started = boot(
        &mut flash,
        &table,
        &mut Efuse::new(chip),
        &BootConfig::default(),
    )?;
    if log.is_some() {
        for line in &started.log {
            eprintln!("{line}");
        }
    }
    let Some(slot) = started.slot else {
        eprintln!("nothing in this image boots");
        return Ok(ExitCode::FAILURE);
    };
    println!("{slot}");
    Ok(ExitCode::SUCCESS)
}
