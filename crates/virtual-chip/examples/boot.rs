//! Boots an app image in a flash of its own, with a network to this host, and prints what it says.
//!
//! `cargo run --release -p updraft-virtual-chip --example boot -- APP.bin [SECONDS [SPEED]]`

use std::time::{Duration, Instant};

use updraft_flash::partition::layout::two_slots_4mb;
use updraft_virtual_chip::user_network::UserNetwork;
use updraft_virtual_chip::{Event, VirtualChip};
use updraft_virtual_device::nor_flash::{FlashSize, VirtualFlash};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("say which app image to boot")?;
    let seconds = arguments.next().map_or(Ok(5), |text| text.parse())?;
    let speed = arguments.next().map_or(Ok(1.0), |text| text.parse())?;
    let app = std::fs::read(path)?;
    let mut flash = VirtualFlash::new(FlashSize::Mb4);
    let table = two_slots_4mb();
    flash.preload(0x8000, &table.to_bytes())?;
    let slot = table.ota(0).ok_or("the table has no ota_0")?;
    flash.preload(slot.offset, &app)?;
    let network = UserNetwork::builder().start()?;
    let mut chip = VirtualChip::builder(flash)
        .ethernet(network.port())
        .speed(speed)
        .observer(|at, event| match event {
            Event::Line(line) => println!("[{:10.6}] {line}", at.as_secs_f64()),
            Event::Serial(_) => {}
            other => println!("[{:10.6}] {other:?}", at.as_secs_f64()),
        })
        .build();
    let start = Instant::now();
    let ended = chip.run_for(Duration::from_secs(seconds));
    eprintln!(
        "{ended:?} after {:?} of the host's time, {:?}: {chip:?}",
        start.elapsed(),
        network.counts()
    );
    Ok(())
}
