//! Slots that will not take an image, and the next one instead.

use updraft_flash::partition::layout;
use updraft_flash::slot::AppSlot;
use updraft_protocol::{ReasonCode, UpdateStatus};
use updraft_virtual_device::device::manufacture;
use updraft_virtual_device::nor_flash::{FlashSize, SectorFault, VirtualFlash};

use crate::device::Device;
use crate::support::images::release;
use crate::support::life::{End, Life};
use crate::support::seen::Seen;
use crate::support::server::Server;

/// A device with factory and three slots, all of them written before, running `factory`.
fn device() -> Device {
    let table = layout::three_slots_16mb();
    let mut flash = VirtualFlash::new(FlashSize::Mb16);
    manufacture(&mut flash, &table, release("1.0.0").bytes).expect("it fits");
    for slot in (0..table.ota_slots()).filter_map(|slot| table.ota(slot)) {
        flash
            .preload(slot.offset, &vec![0x55; slot.size as usize])
            .expect("a slot");
    }
    Device {
        flash,
        table,
        life: Life::new(&Server::new(release("1.1.0"))),
    }
}

fn fail(device: &mut Device, slot: u8, offset: u32, fault: SectorFault) {
    let entry = *device.table.ota(slot).expect("a slot");
    device
        .flash
        .fail_sector((entry.offset + offset) / 4096, fault);
}

#[test]
fn seed_004_failure_recovery_the_update_goes_on_in_the_next_slot_without_a_second_download() {
    for offset in [0, 0x1_2000, 0x6_F000] {
        for fault in [
            SectorFault::EraseFails,
            SectorFault::ProgramFails,
            SectorFault::StuckBits(0x01),
        ] {
            let mut device = device();
            fail(&mut device, 0, offset, fault);
            let end = device.poll();
            assert_eq!(end, End::Stopped(AppSlot::Ota(1)), "{offset:#x} {fault:?}");
            assert_eq!(device.downloads(), [0], "{offset:#x} {fault:?}");
            device.assert_confirmed(1, "1.1.0");
            assert_eq!(device.outcome(), (UpdateStatus::Confirmed, None));
            assert!(device.all_seen().iter().any(
                |seen| matches!(seen, Seen::Other(text) if text.contains("going on in ota_1"))
            ));
        }
    }
}

#[test]
fn a_slot_that_failed_is_not_tried_again_while_there_is_another() {
    let mut device = device();
    fail(&mut device, 0, 0x1_2000, SectorFault::ProgramFails);
    assert_eq!(device.poll(), End::Stopped(AppSlot::Ota(1)));
    device.life.past.clear();
    // From ota_1 the order would be ota_2, ota_0; from ota_2 it would be ota_0.
    device.wants(release("1.3.0").clone());
    device.poll();
    device.wants(release("1.5.0"));
    device.poll();
    assert!(
        !device
            .all_seen()
            .iter()
            .any(|seen| matches!(seen, Seen::Other(text) if text.contains("ota_0 is given up")))
    );
}

#[test]
fn with_every_slot_worn_out_the_update_fails_and_the_device_runs_on() {
    let mut device = device();
    for slot in 0..3 {
        fail(&mut device, slot, 0x1_2000, SectorFault::EraseFails);
    }
    assert_eq!(device.polls(2), End::Stopped(AppSlot::Factory));
    let expected = (UpdateStatus::Failed, Some(ReasonCode::EraseFailed));
    assert!(
        device
            .outcomes()
            .iter()
            .all(|report| (report.update_status, report.reason) == expected)
    );
}
