//! Boots an app image of the `openeth` firmware behind the user-mode network, and prints what it says and where this
//! host reaches it.
//!
//! `cargo run --release -p updraft-virtual-chip --example online -- APP.bin [SECONDS] [KEY=VALUE …]`
//!
//! Each `KEY=VALUE` is written into the device's settings, as a factory does: `server=http://10.0.2.2:8080` for a server
//! of this host's on port 8080.

use std::error::Error;
use std::time::{Duration, Instant};

use updraft_agent::config::Setting;
use updraft_flash::nvs::Nvs;
use updraft_flash::partition::layout::two_slots_4mb;
use updraft_flash::region::Region;
use updraft_virtual_chip::user_network::{Forward, Protocol, UserNetwork};
use updraft_virtual_chip::{Event, VirtualChip};
use updraft_virtual_device::nor_flash::{FlashSize, VirtualFlash};

/// Where the chip's programs listen: pages and pushes, espota's TCP, and its datagrams.
const PORTS: [(u16, Protocol); 3] = [
    (80, Protocol::Tcp),
    (3232, Protocol::Tcp),
    (3232, Protocol::Udp),
];

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("say which app image to boot")?;
    let seconds = arguments.next().map_or(Ok(20), |text| text.parse())?;
    let flash = flash(&std::fs::read(path)?, arguments)?;

    let mut network = UserNetwork::builder().on_multicast(|datagram| {
        let length = datagram.payload.len();
        println!("{} to {}: {length} bytes", datagram.from, datagram.to);
    });
    for (guest_port, protocol) in PORTS {
        network = network.forward(Forward {
            host: ([127, 0, 0, 1], 0).into(),
            guest_port,
            protocol,
        });
    }
    let network = network.start()?;
    for forward in network.forwards() {
        let Forward {
            host,
            guest_port,
            protocol,
        } = forward;
        println!("{protocol:?} {host} leads to the chip's port {guest_port}");
    }

    let mut chip = VirtualChip::builder(flash)
        .ethernet(network.port())
        .speed(1.0)
        .observer(|at, event| match event {
            Event::Line(line) => println!("[{:10.6}] {line}", at.as_secs_f64()),
            Event::Serial(_) => {}
            other => println!("[{:10.6}] {other:?}", at.as_secs_f64()),
        })
        .build();
    let start = Instant::now();
    let ended = chip.run_for(Duration::from_secs(seconds))?;
    let took = start.elapsed();
    println!(
        "{ended:?} after {took:?} of the host's time; {:?}",
        network.counts()
    );
    Ok(())
}

/// A 4 MB flash with this app and these settings.
fn flash(
    app: &[u8],
    settings: impl Iterator<Item = String>,
) -> Result<VirtualFlash, Box<dyn Error>> {
    let table = two_slots_4mb();
    let mut flash = VirtualFlash::new(FlashSize::Mb4);
    flash.preload(0x8000, &table.to_bytes())?;
    let slot = table.ota(0).ok_or("the table has no ota_0")?;
    flash.preload(slot.offset, app)?;
    let entry = table.nvs().ok_or("the table has no nvs")?;
    let region = Region::new(&mut flash, entry.offset, entry.size)?;
    let mut nvs = Nvs::format(region, entry.size)?;
    for setting in settings {
        let (key, value) = setting.split_once('=').ok_or("a setting is KEY=VALUE")?;
        let setting = Setting::of_key(key).ok_or_else(|| format!("no setting is called {key}"))?;
        setting.store(&mut nvs, setting.value(value)?)?;
    }
    Ok(flash)
}
