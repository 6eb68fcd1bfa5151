//! The events a device keeps of its updates.

use updraft_flash::nvs::Nvs;
use updraft_flash::region::Region;

use crate::device::Device;
use crate::support::images::release;

/// The log as it lies in NVS: what happened, to what, and why.
fn log(device: &mut Device) -> Vec<(String, String, String)> {
    let entry = *device.table.nvs().expect("NVS");
    let region = Region::new(&mut device.flash, entry.offset, entry.size).expect("a region");
    let mut nvs = Nvs::mount(region, entry.size).expect("it mounts");
    let mut entries = Vec::new();
    for key in 0..32 {
        let mut text = [0; 256];
        let found = nvs
            .get_str("updlog", &key.to_string(), &mut text)
            .expect("readable");
        let Some(found) = found else { continue };
        let fields: Vec<&str> = found.split('\t').collect();
        let number: u32 = fields[0].parse().expect("a number");
        entries.push((number, [fields[3], fields[4], fields[5]].map(str::to_owned)));
    }
    entries.sort();
    entries
        .into_iter()
        .map(|(_, [a, b, c])| (a, b, c))
        .collect()
}

fn entry(event: &str, subject: &str, reason: &str) -> (String, String, String) {
    (event.to_owned(), subject.to_owned(), reason.to_owned())
}

#[test]
fn a_good_update_and_a_bad_one_are_told() {
    let mut device = Device::wanting(release("1.1.0"));
    device.poll();
    device.wants(release("1.2.0"));
    device.poll();
    assert_eq!(
        log(&mut device),
        [
            entry("begun", "ota_1 pull", ""),
            entry("activated", "ota_1 1.1.0", ""),
            entry("confirmed", "ota_1 1.1.0", ""),
            entry("begun", "ota_0 pull", ""),
            entry("activated", "ota_0 1.2.0", ""),
            entry("rolled_back", "ota_0 1.2.0", "rolled_back"),
        ]
    );
}

/// Seed 004, failure recovery: "checksum mismatch: discard the download, log the error".
#[test]
fn seed_004_failure_recovery_a_checksum_mismatch_is_logged() {
    let mut device = Device::wanting(release("1.1.0"));
    device.server().offer.checksum = release("1.0.0").sha256;
    let end = device.poll();
    assert_eq!(
        log(&mut device),
        [
            entry("begun", "ota_1 pull", ""),
            entry("failed", "ota_1", "checksum_mismatch"),
        ]
    );
    device.assert_as_it_was(&end);
}

#[test]
fn the_last_32_events_are_kept() {
    let mut device = Device::wanting(release("1.1.0"));
    for round in 0..12 {
        let wanted = if round % 2 == 0 { "1.1.0" } else { "1.0.0" };
        device.wants(release(wanted));
        device.server().offer.allow_downgrade = true;
        device.poll();
    }
    let kept = log(&mut device);
    assert_eq!(kept.len(), 32);
    assert_eq!(kept[31].0, "confirmed");
    assert_eq!(kept[29].0, "begun");
}
