//! The combinations of running slot and boot records that use can lead to.

use std::collections::BTreeMap;
use std::fmt;

use embedded_storage::nor_flash::ReadNorFlash as _;
use updraft_flash::otadata::{OtaDataPartition, Sector};
use updraft_flash::partition::Table;
use updraft_flash::region::Region;
use updraft_flash::slot::AppSlot;
use updraft_virtual_device::device::manufacture;
use updraft_virtual_device::nor_flash::{FlashSize, Torn, VirtualFlash};

use crate::live;
use crate::short::release;
use crate::support::flash::Call;
use crate::support::images::Release;
use crate::support::life::End;
use crate::support::server::Server;

/// A device somewhere in its life.
pub(crate) struct Start {
    pub(crate) flash: VirtualFlash,
    pub(crate) version: String,
    description: String,
}

impl fmt::Display for Start {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.description)
    }
}

/// The good release that is not the running one.
pub(crate) fn next_release(running: &str) -> Release {
    release(if running == "1.0.0" { "1.1.0" } else { "1.0.0" })
}

/// What an operator, a bad build or a power cut may do to a device that has settled.
const EVENTS: [&str; 3] = ["updated", "tried a bad build", "lost power on trial"];

/// Every state of running slot and records that the events lead to, from a new device on, with one device
/// in it.
pub(crate) fn reachable(table: &Table) -> Vec<Start> {
    let mut flash = VirtualFlash::new(if table.find("www_0").is_some() {
        FlashSize::Mb16
    } else {
        FlashSize::Mb4
    });
    manufacture(&mut flash, table, release("1.0.0").bytes).expect("it fits");
    // Its first boot: without a factory app the bootloader writes the first record then.
    let slot = settle(&mut flash, &release("1.0.0"));
    let mut found = BTreeMap::new();
    let mut open = vec![(flash, "1.0.0".to_owned(), slot)];
    while let Some((flash, version, slot)) = open.pop() {
        let state = describe(table, &flash, slot, &version);
        if found.contains_key(&state) {
            continue;
        }
        for event in EVENTS {
            let mut flash = flash.clone();
            let good = next_release(&version);
            let (slot, version) = match event {
                "updated" => (settle(&mut flash, &good), good.version),
                "tried a bad build" => (settle(&mut flash, &release("1.2.0")), version.clone()),
                _ => {
                    let slot = lose_power_on_trial(&mut flash, &version);
                    (slot, version.clone())
                }
            };
            open.push((flash, version, slot));
        }
        let start = Start {
            flash,
            version,
            description: state.clone(),
        };
        found.insert(state, start);
    }
    found.into_values().collect()
}

fn settle(flash: &mut VirtualFlash, wanted: &Release) -> AppSlot {
    match live(flash, &Server::new(wanted.clone()), None) {
        Ok(End::Stopped(slot)) => slot,
        other => panic!("a device of the fleet did not settle: {other:?}"),
    }
}

/// An update whose trial is cut short by the power, after which the server has nothing to offer: the
/// device settles on the app it came from.
fn lose_power_on_trial(flash: &mut VirtualFlash, version: &str) -> AppSlot {
    let moments = std::cell::RefCell::new(Vec::new());
    let server = Server::new(next_release(version));
    live(&mut flash.clone(), &server, Some(&moments)).expect("settles");
    // The confirmation is the last change of the records; the power goes just before it.
    let moments = moments.into_inner();
    let otadata = 0xE000..0x1_0000;
    let confirmation = moments
        .iter()
        .rposition(|moment| match moment.call {
            Call::Erase { from, .. } => otadata.contains(&from),
            Call::Write { .. } => false,
        })
        .expect("the update was confirmed");
    let moment = &moments[confirmation];
    *flash = moment.flash.clone();
    flash.cut_power_at(flash.operations(), Torn::Before);
    let _ = moment.call.make(flash);
    flash.restore_power();
    settle(flash, &release(version))
}

/// The running slot and the records, without their absolute sequences, and whether the next image is
/// already in a slot.
fn describe(table: &Table, flash: &VirtualFlash, running: AppSlot, version: &str) -> String {
    let mut flash = flash.clone();
    let entry = table.otadata().expect("otadata");
    let region = Region::new(&mut flash, entry.offset, entry.size).expect("within the flash");
    let records = OtaDataPartition::new(region)
        .and_then(|mut partition| partition.read(table.ota_slots()))
        .expect("readable");
    let record = |sector: Sector| {
        let record = records.record(sector);
        if !record.crc_ok() {
            return "blank".to_owned();
        }
        let slot = records.slot_of(sector).expect("slots");
        let active = if records.active() == Some(sector) {
            "*"
        } else {
            ""
        };
        format!("ota_{slot} {}{active}", record.state)
    };
    let (first, second) = (record(Sector::First), record(Sector::Second));
    let next = next_release(version).bytes;
    let at_hand = (0..table.ota_slots()).any(|slot| {
        let entry = table.ota(slot).expect("a slot of the table");
        let mut bytes = vec![0; next.len()];
        flash
            .read(entry.offset, &mut bytes)
            .expect("within the flash");
        running != AppSlot::Ota(slot) && bytes == next
    });
    let kept = if at_hand { ", next image at hand" } else { "" };
    format!("{running} runs, records [{first}] [{second}]{kept}")
}
