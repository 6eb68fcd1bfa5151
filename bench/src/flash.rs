//! An update on the modelled flash, by the agent's way of erasing and by seed 004's.

use std::cell::{Cell, RefCell};
use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use embedded_storage::nor_flash::{ErrorType, NorFlash, ReadNorFlash};
use tokio::sync::Notify;
use updraft_agent::{Board, Event, Indicator, Parts, Settings, Updater, guard_boot};
use updraft_flash::SECTOR_SIZE;
use updraft_flash::partition::{Table, layout};
use updraft_flash::slot::AppSlot;
use updraft_image::Chip;
use updraft_protocol::ResetReason;
use updraft_virtual_device::device::manufacture;
use updraft_virtual_device::host::{HostClock, HostNetwork, HostSystem, Link, link_check};
use updraft_virtual_device::nor_flash::{FlashError, FlashSize, Stats, VirtualFlash};

use crate::Result;
use crate::figure::{Aim, Figure, Quantity};
use crate::image::{NEW, OLD, one_mib};
use crate::server::{DEVICE, DEVICE_TYPE, Server};

/// How long the host may take for one update.
const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) async fn measure(server: &Server) -> Result<Vec<Figure>> {
    let table = layout::seed_001_4mb();
    let image = one_mib(NEW)?;
    let flash = used_flash(&table)?;
    let (ours, did) = agent(server, flash.clone()).await?;
    let seed = seed_004(&table, flash, &image)?;
    Ok(vec![Figure {
        what: "update on the modelled flash, 1 MiB".to_owned(),
        ours: seconds(ours),
        peer: Some(("seed 004: 4 KiB erases up front", seconds(seed))),
        aim: Aim::AtMost(7.0),
        how: format!(
            "time the flash is busy (datasheet-typical W25Q, virtual), from the offer to activated, read-back and NVS \
             included, in a slot full of old data; the network costs nothing here; our agent against a real server: \
             {} erases of 64 KiB, {} of 4 KiB, {} pages",
            did.block_64k_erases, did.sector_erases, did.page_programs
        ),
    }])
}

#[expect(clippy::cast_precision_loss, reason = "an update takes seconds")]
fn seconds(us: u64) -> Quantity {
    Quantity {
        value: us as f64 / 1e6,
        unit: "s",
    }
}

/// A device in use: 1.0.0 runs from `factory`, and every byte of the slot to be written is old data.
fn used_flash(table: &Table) -> Result<VirtualFlash> {
    let old = one_mib(OLD)?;
    let mut flash = VirtualFlash::new(FlashSize::Mb4);
    manufacture(&mut flash, table, &old)?;
    let slot = table.ota(0).ok_or("the table has an OTA slot")?;
    flash.preload(slot.offset, &old)?;
    Ok(flash)
}

/// Erase the whole slot sector by sector, write the image as it comes, read it back, switch the records.
fn seed_004(table: &Table, mut flash: VirtualFlash, image: &[u8]) -> Result<u64> {
    let slot = table.ota(0).ok_or("the table has an OTA slot")?;
    let otadata = table.otadata().ok_or("the table has otadata")?;
    let began = flash.elapsed_us();
    for sector in (slot.offset..slot.offset + slot.size).step_by(SECTOR_SIZE as usize) {
        flash.erase(sector, sector + SECTOR_SIZE)?;
    }
    let mut piece = [0; SECTOR_SIZE as usize];
    for (bytes, offset) in image
        .chunks(piece.len())
        .zip((slot.offset..).step_by(piece.len()))
    {
        flash.write(offset, bytes)?;
    }
    for offset in (slot.offset..slot.offset + slot.size).step_by(piece.len()) {
        flash.read(offset, &mut piece)?;
    }
    flash.erase(otadata.offset, otadata.offset + SECTOR_SIZE)?;
    flash.write(otadata.offset, &[0; 32])?;
    Ok(flash.elapsed_us() - began)
}

/// The very updater a chip runs, on the host's sockets, until it asks for the reset.
async fn agent(server: &Server, flash: VirtualFlash) -> Result<(u64, Stats)> {
    let flash = Rc::new(RefCell::new(flash));
    let watch = Watch {
        flash: Rc::clone(&flash),
        offered: Rc::default(),
        activated: Rc::default(),
        failure: Rc::default(),
    };
    let reset = Arc::new(Notify::new());
    let link = Arc::new(Link::default());
    let system = HostSystem {
        chip: Chip::Esp32c3,
        running: AppSlot::Factory,
        reset_reason: ResetReason::PowerOn,
        secure_version: 0,
        reset: Arc::clone(&reset),
    };
    let boot = guard_boot(&mut SharedFlash(Rc::clone(&flash)), &system, 1);
    let parts = Parts::<BenchBoard> {
        flash: SharedFlash(Rc::clone(&flash)),
        network: HostNetwork::new(Arc::clone(&link)),
        // The flash's time is read from the flash; nobody has to wait for it.
        clock: HostClock::new(1, Arc::new(AtomicU64::new(0))),
        system,
        checks: vec![link_check(link)],
        indicator: watch.clone(),
        leds: (),
    };
    let url = format!("http://{}", server.address);
    let mut settings = Settings::new(url, DEVICE.parse()?, DEVICE_TYPE.parse()?);
    settings.token = Some(server.enrol().await?);
    settings.min_uptime_seconds = 0;
    let updater = Updater::new(boot, parts, settings).map_err(|failure| failure.to_string())?;
    tokio::select! {
        never = updater.run() => match never {},
        () = reset.notified() => {}
        () = tokio::time::sleep(PATIENCE) => {}
    }
    drop(updater);
    match (watch.offered.get(), watch.activated.get()) {
        (Some((offered, _)), Some((activated, stats))) => Ok((activated - offered, stats)),
        _ => Err(format!(
            "the update did not come to its end: {}",
            watch.failure.borrow()
        )
        .into()),
    }
}

struct BenchBoard(PhantomData<()>);

impl Board for BenchBoard {
    type Flash = SharedFlash;
    type Network = HostNetwork;
    type Clock = HostClock;
    type System = HostSystem;
    type Indicator = Watch;
    type Leds = ();
}

/// The updater's flash, which is looked at while the updater runs.
struct SharedFlash(Rc<RefCell<VirtualFlash>>);

impl ErrorType for SharedFlash {
    type Error = FlashError;
}

impl ReadNorFlash for SharedFlash {
    const READ_SIZE: usize = VirtualFlash::READ_SIZE;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> std::result::Result<(), FlashError> {
        self.0.borrow_mut().read(offset, bytes)
    }

    fn capacity(&self) -> usize {
        self.0.borrow().capacity()
    }
}

impl NorFlash for SharedFlash {
    const WRITE_SIZE: usize = VirtualFlash::WRITE_SIZE;
    const ERASE_SIZE: usize = VirtualFlash::ERASE_SIZE;

    fn erase(&mut self, from: u32, to: u32) -> std::result::Result<(), FlashError> {
        self.0.borrow_mut().erase(from, to)
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> std::result::Result<(), FlashError> {
        self.0.borrow_mut().write(offset, bytes)
    }
}

/// A moment: how long the flash was busy so far, in microseconds, and what it did.
type Moment = Rc<Cell<Option<(u64, Stats)>>>;

/// Notes the moments between which the update lies.
#[derive(Clone)]
struct Watch {
    flash: Rc<RefCell<VirtualFlash>>,
    offered: Moment,
    activated: Moment,
    failure: Rc<RefCell<String>>,
}

impl Indicator for Watch {
    fn show(&mut self, event: &Event<'_>) {
        let flash = self.flash.borrow();
        let now = Some((flash.elapsed_us(), *flash.stats()));
        match event {
            Event::CheckedIn { offer: Some(_) } => self.offered.set(now),
            Event::Activated { .. } => self.activated.set(now),
            Event::Failed { failure } => *self.failure.borrow_mut() = failure.to_string(),
            _ => {}
        }
    }
}
