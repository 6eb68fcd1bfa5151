//! Sectors that wear out under an update.

use updraft_flash::slot::AppSlot;
use updraft_protocol::{ReasonCode, UpdateStatus};
use updraft_virtual_device::nor_flash::SectorFault;

use crate::device::Device;
use crate::support::images::release;
use crate::support::life::End;
use crate::support::seen::Seen;

/// The slot's sector at this offset fails; the update with it, and again at the next poll. On a flash
/// without the fault the same device updates.
fn fails(offset: u32, fault: SectorFault, reasons: &[ReasonCode]) {
    let mut device = Device::wanting(release("1.1.0"));
    let slot = *device.table.ota(1).expect("ota_1");
    // Nothing is erased that is blank, so there is something to erase.
    device
        .flash
        .preload(slot.offset, &vec![0x55; slot.size as usize])
        .expect("a slot");
    let running = *device.table.ota(0).expect("ota_0");
    let app = device.read(&running);
    let sound = device.flash.clone();
    device
        .flash
        .fail_sector((slot.offset + offset) / 4096, fault);

    let end = device.poll();
    let (status, reason) = device.outcome();
    assert_eq!(status, UpdateStatus::Failed, "{offset:#x} {fault:?}");
    assert!(
        reason.is_some_and(|reason| reasons.contains(&reason)),
        "{offset:#x} {fault:?}: {reason:?}"
    );
    assert!(!device.seen().contains(&Seen::Activated));
    device.assert_as_it_was(&end);
    assert!(app == device.read(&running), "the running app was changed");

    device.poll();
    assert_eq!(device.outcomes().len(), 2, "it is tried again");
    assert_eq!(device.outcomes()[1].reason, reason);

    device.flash = sound;
    assert_eq!(device.poll(), End::Stopped(AppSlot::Ota(1)));
    device.assert_confirmed(1, "1.1.0");
}

#[test]
fn seed_004_failure_recovery_a_sector_that_cannot_be_erased() {
    for offset in [0, 0x1_2000, 0x7_0000] {
        fails(offset, SectorFault::EraseFails, &[ReasonCode::EraseFailed]);
    }
}

#[test]
fn seed_004_failure_recovery_a_sector_that_cannot_be_written() {
    for offset in [0, 0x1_2000, 0x7_0000] {
        fails(
            offset,
            SectorFault::ProgramFails,
            &[ReasonCode::WriteFailed],
        );
    }
}

#[test]
fn a_sector_that_reads_back_otherwise() {
    for offset in [0, 0x1_2000, 0x7_0000] {
        fails(
            offset,
            SectorFault::StuckBits(0x01),
            &[ReasonCode::ReadBackMismatch],
        );
    }
}

#[test]
fn boot_records_that_cannot_be_written() {
    for fault in [SectorFault::EraseFails, SectorFault::ProgramFails] {
        let mut device = Device::wanting(release("1.1.0"));
        let sound = device.flash.clone();
        let otadata = device.table.otadata().expect("otadata").offset;
        // The running app's record is in the first sector; the new one's would go to the second.
        device
            .flash
            .preload(otadata + 4096, &[0x55; 4096])
            .expect("a sector");
        device.flash.fail_sector(otadata / 4096 + 1, fault);
        let end = device.poll();
        let expected = (UpdateStatus::Failed, Some(ReasonCode::ActivationFailed));
        assert_eq!(device.outcome(), expected, "{fault:?}");
        device.assert_as_it_was(&end);

        // A reset between: the image is whole, so on a mended flash nothing is fetched again.
        let nvs = *device.table.nvs().expect("NVS");
        let slot = *device.table.ota(1).expect("ota_1");
        let (kept, written) = (device.read(&nvs), device.read(&slot));
        device.flash = sound;
        device.flash.preload(nvs.offset, &kept).expect("NVS");
        device.flash.preload(slot.offset, &written).expect("a slot");
        device.server().requests.clear();
        assert_eq!(device.poll(), End::Stopped(AppSlot::Ota(1)), "{fault:?}");
        assert!(device.downloads().is_empty(), "{fault:?}");
        device.assert_confirmed(1, "1.1.0");
    }
}

#[test]
fn a_memory_that_cannot_be_written_stops_no_app() {
    for fault in [
        SectorFault::EraseFails,
        SectorFault::ProgramFails,
        SectorFault::StuckBits(0xFF),
    ] {
        let mut device = Device::wanting(release("1.1.0"));
        let nvs = *device.table.nvs().expect("NVS");
        for sector in 0..nvs.size / 4096 {
            device.flash.fail_sector(nvs.offset / 4096 + sector, fault);
        }
        let before = device.untouched();
        let end = device.polls(3);
        if fault == SectorFault::ProgramFails {
            assert!(before == device.untouched(), "{fault:?}");
            assert_eq!(end, End::Stopped(AppSlot::Ota(0)));
            assert!(
                device.failures().contains(&ReasonCode::WriteFailed),
                "{:?}",
                device.seen()
            );
        }
        assert!(matches!(end, End::Stopped(_)), "{fault:?}");
    }
}
