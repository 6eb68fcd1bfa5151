//! An image that is not acceptable is refused before anything is erased for it.

use updraft_flash::partition::{AppKind, DataKind, Entry, Kind, Label, Table};
use updraft_flash::slot::AppSlot;
use updraft_protocol::{Digest, ReasonCode, UpdateStatus};

use crate::device::Device;
use crate::support::images::{Release, image, release};
use crate::support::life::End;
use crate::support::reply::Reply;

/// What a real image becomes with these bytes at these places.
fn changed(version: &str, changes: &[(usize, &[u8])]) -> Vec<u8> {
    let mut bytes = release(version).bytes.to_vec();
    for (offset, with) in changes {
        bytes[*offset..offset + with.len()].copy_from_slice(with);
    }
    bytes
}

/// A flash as a programmer reads it out: nothing at 0, a partition table at 0x8000, an app behind.
fn dump_of_a_flash() -> Vec<u8> {
    let table = updraft_flash::partition::layout::two_slots_4mb();
    let mut dump = vec![0xFF; 0x2_0000];
    let bytes = table.to_bytes();
    dump[0x8000..0x8000 + bytes.len()].copy_from_slice(&bytes);
    dump.extend_from_slice(release("1.1.0").bytes);
    dump
}

/// Lets a device meet the offer, and checks that it refuses it as it should.
fn refuses(name: &str, wanted: &Release, change: impl Fn(&mut Device), reason: ReasonCode) {
    let mut device = Device::wanting(wanted.clone());
    change(&mut device);
    let before = device.untouched();
    let otadata = device.otadata();
    let (end, moments) = device.poll_recorded();

    assert_eq!(
        device.outcome(),
        (UpdateStatus::Rejected, Some(reason)),
        "{name}: {:?}",
        device.outcomes()[0].detail
    );
    let nvs = *device.table.nvs().expect("NVS");
    for moment in &moments {
        let offset = moment.call.offset();
        assert!(
            (nvs.offset..nvs.offset + nvs.size).contains(&offset),
            "{name}: {offset:#x} was changed"
        );
    }
    assert!(
        before == device.untouched(),
        "{name}: the flash was changed"
    );
    assert_eq!(otadata, device.otadata(), "{name}");
    assert!(device.downloads().len() <= 1, "{name}");
    device.assert_as_it_was(&end);

    // The same device takes what is good.
    device.life.settings.project = None;
    device.life.settings.max_image_size = None;
    device.life.secure_version = 0;
    device.server().reports.clear();
    device.wants(release("1.3.0"));
    device.wants(release("1.1.0"));
    assert_eq!(device.poll(), End::Stopped(AppSlot::Ota(1)), "{name}");
    device.assert_confirmed(1, "1.1.0");
}

#[test]
fn an_image_for_another_chip() {
    let wanted = image("c6-1.0.0");
    refuses("chip", &wanted, |_| {}, ReasonCode::WrongChip);
}

#[test]
fn an_image_of_another_project() {
    let project = |device: &mut Device| device.life.settings.project = Some("updraft-c6".into());
    refuses(
        "project",
        &release("1.1.0"),
        project,
        ReasonCode::WrongProject,
    );
    let too_long = |device: &mut Device| device.life.settings.project = Some("p".repeat(33));
    refuses(
        "name",
        &release("1.1.0"),
        too_long,
        ReasonCode::WrongProject,
    );
}

#[test]
fn the_project_that_is_asked_for_is_taken() {
    let mut device = Device::wanting(release("1.1.0"));
    device.life.settings.project = Some("updraft-c3".into());
    assert_eq!(device.poll(), End::Stopped(AppSlot::Ota(1)));
    device.assert_confirmed(1, "1.1.0");
}

#[test]
fn an_image_over_the_limit_that_was_set() {
    let size = release("1.1.0").bytes.len() as u32;
    let limit = move |device: &mut Device| device.life.settings.max_image_size = Some(size - 1);
    refuses("limit", &release("1.1.0"), limit, ReasonCode::TooBig);

    let mut device = Device::wanting(release("1.1.0"));
    device.life.settings.max_image_size = Some(size);
    assert_eq!(device.poll(), End::Stopped(AppSlot::Ota(1)));
}

#[test]
fn an_image_over_the_slots_size() {
    let mut table = Table::new();
    let entry = |label, kind, offset, size| {
        Entry::new(Label::new(label).expect("a label"), kind, offset, size)
    };
    for entry in [
        entry("nvs", Kind::Data(DataKind::Nvs), 0x9000, 0x5000),
        entry("otadata", Kind::Data(DataKind::Ota), 0xE000, 0x2000),
        entry("ota_0", Kind::App(AppKind::Ota(0)), 0x2_0000, 0x14_0000),
        // Less than any of the images.
        entry("ota_1", Kind::App(AppKind::Ota(1)), 0x20_0000, 0x4_0000),
    ] {
        table.push(entry).expect("a table");
    }
    let mut device = Device::with_table(&table, release("1.1.0"));
    let before = device.untouched();
    let end = device.poll();
    assert_eq!(
        device.outcome(),
        (UpdateStatus::Rejected, Some(ReasonCode::TooBig))
    );
    assert!(
        device.downloads().is_empty(),
        "the offer's size is enough to know"
    );
    assert!(before == device.untouched());
    device.assert_as_it_was(&end);
    let slot_size = device.server().check_ins[0].slot_size;
    assert_eq!(slot_size, Some(0x4_0000), "the server can know before");
}

#[test]
fn a_size_no_slot_has() {
    let wanted = release("1.1.0");
    let size = |size: u32| move |device: &mut Device| device.server().offer.size = size;
    refuses("4 GiB", &wanted, size(u32::MAX), ReasonCode::TooBig);
    refuses("0 bytes", &wanted, size(0), ReasonCode::NotAnImage);
}

#[test]
fn another_version_than_the_offered_one() {
    let version = |device: &mut Device| device.server().offer.version = "1.1.1".into();
    refuses(
        "version",
        &release("1.1.0"),
        version,
        ReasonCode::WrongVersion,
    );
}

#[test]
fn another_build_than_the_offered_one() {
    let build = |device: &mut Device| device.server().offer.elf_sha256 = Some(Digest([7; 32]));
    refuses("build", &release("1.1.0"), build, ReasonCode::WrongVersion);
}

#[test]
fn an_image_below_the_secure_version_whatever_the_offer_says() {
    // The images have secure version 0; the offer lies.
    let secure = |device: &mut Device| {
        device.life.secure_version = 1;
        device.server().offer.secure_version = 1;
    };
    refuses(
        "image",
        &release("1.1.0"),
        secure,
        ReasonCode::SecureVersionTooLow,
    );
}

#[test]
fn files_that_are_no_app_image() {
    let html = b"<!DOCTYPE html><html><body>Please log in</body></html>".repeat(100);
    let dump = dump_of_a_flash();
    let bootloader = changed("1.1.0", &[(32, &[0x50, 0, 0])]);
    let files: [(&str, Vec<u8>); 8] = [
        ("an HTML page", html),
        ("a short HTML page", b"<html></html>".to_vec()),
        ("a text", b"404: no such firmware\n".repeat(300)),
        ("JSON", br#"{"detail":"Not Found"}"#.to_vec()),
        ("nothing", Vec::new()),
        ("the dump of a flash", dump),
        ("a bootloader", bootloader),
        ("half a header", release("1.1.0").bytes[..200].to_vec()),
    ];
    for (name, bytes) in files {
        let wanted = release("1.1.0").with_bytes(bytes);
        refuses(name, &wanted, |_| {}, ReasonCode::NotAnImage);
    }
}

#[test]
fn an_image_whose_head_breaks_the_rules() {
    // Transient: the server may have a better copy.
    for (name, change) in [
        ("no segments", (1_usize, [0_u8].as_slice())),
        ("no hash", (23, &[0])),
    ] {
        let mut device = Device::wanting(release("1.1.0").with_bytes(changed("1.1.0", &[change])));
        let before = device.untouched();
        let end = device.poll();
        let outcome = (UpdateStatus::Failed, Some(ReasonCode::ImageInvalid));
        assert_eq!(device.outcome(), outcome, "{name}");
        assert!(
            before == device.untouched(),
            "{name}: the flash was changed"
        );
        device.assert_as_it_was(&end);
    }
}

#[test]
fn the_other_slot_stays_bootable_until_an_image_for_it_is_accepted() {
    // Runs 1.1.0 from ota_1; the record of 1.0.0 in ota_0 is its way back.
    let mut device = Device::wanting(release("1.1.0"));
    device.poll();
    let names_the_free_slot = |device: &mut Device| {
        let records = device.otadata();
        let sectors = updraft_flash::otadata::Sector::BOTH.into_iter();
        sectors
            .filter(|&sector| records.record(sector).is_valid())
            .any(|sector| records.slot_of(sector) == Some(0))
    };
    assert!(names_the_free_slot(&mut device));
    device.wants(image("c6-1.0.0"));
    device.server().insists = true;
    assert_eq!(device.poll(), End::Stopped(AppSlot::Ota(1)));
    assert_eq!(device.outcomes()[1].reason, Some(ReasonCode::WrongChip));
    assert!(
        names_the_free_slot(&mut device),
        "nothing was written to it"
    );

    // An accepted image breaks off in the middle: what is there now must never boot.
    device.wants(release("1.3.0"));
    device.intercept(|request| {
        let all = || Reply::new("200 OK", "", release("1.3.0").bytes).cut_to(20_000);
        request.is_download().then(|| match request.first_byte() {
            0 => all(),
            _ => Reply::raw(""),
        })
    });
    assert_eq!(device.poll(), End::Stopped(AppSlot::Ota(1)));
    assert!(!names_the_free_slot(&mut device));
}
