//! Bytes that change on their way are found, whichever they are, and never booted.

use updraft_flash::slot::AppSlot;
use updraft_protocol::{ReasonCode, UpdateStatus};

use crate::device::Device;
use crate::support::images::release;
use crate::support::life::End;
use crate::support::reply::Reply;
use crate::support::seen::Seen;

/// The server's copy of the file is damaged here; what it says of the file is not.
fn damaged(offset: usize) -> Vec<u8> {
    let mut bytes = release("1.1.0").bytes.to_vec();
    bytes[offset] ^= 0x10;
    bytes
}

/// Has the device fetch the damaged file, then the good one.
fn is_found(what: &str, offset: usize, reasons: &[ReasonCode]) {
    let mut device = Device::wanting(release("1.1.0"));
    let bytes = damaged(offset);
    device.intercept(move |request| {
        request
            .is_download()
            .then(|| Reply::new("200 OK", "", bytes.clone()))
    });
    let end = device.poll();
    let (_, reason) = device.outcome();
    let reason = reason.expect("a reason");
    assert!(reasons.contains(&reason), "{what} at {offset:#x}: {reason}");
    assert!(!device.seen().contains(&Seen::Activated), "{what}");
    device.assert_as_it_was(&end);

    device.server().intercept = None;
    device.server().reports.clear();
    assert_eq!(device.poll(), End::Stopped(AppSlot::Ota(1)), "{what}");
    device.assert_confirmed(1, "1.1.0");
}

#[test]
fn seed_004_failure_recovery_one_flipped_bit_anywhere_is_a_checksum_failure() {
    use ReasonCode::{ChecksumMismatch, ImageInvalid, NotAnImage, WrongChip, WrongVersion};
    let size = release("1.1.0").bytes.len();
    let whole = [ChecksumMismatch, ImageInvalid];
    is_found("the magic", 0, &[NotAnImage]);
    is_found("the segment count", 1, &whole);
    is_found("the entry point", 4, &whole);
    is_found("the chip", 12, &[WrongChip, NotAnImage]);
    is_found("the hash flag", 23, &whole);
    is_found("a load address", 24, &whole);
    is_found("a segment's length", 29, &whole);
    is_found(
        "the app descriptor's magic",
        32,
        &[NotAnImage, ImageInvalid],
    );
    is_found("the version", 48, &[WrongVersion]);
    is_found("the ELF SHA-256", 32 + 144, &[WrongVersion]);
    for part in 1..8 {
        is_found("segment data", size * part / 8, &whole);
    }
    is_found("the checksum", size - 33, &whole);
    is_found("the appended hash", size - 32, &whole);
    is_found("the last byte", size - 1, &whole);
}

#[test]
fn a_sound_image_that_is_not_the_promised_file() {
    // 1.0.0 under 1.1.0's name and build is refused by the gate; a whole image of another checksum only at
    // its end.
    let mut device = Device::wanting(release("1.1.0"));
    device.server().offer.checksum = release("1.0.0").sha256;
    let end = device.poll();
    let expected = (UpdateStatus::Failed, Some(ReasonCode::ChecksumMismatch));
    assert_eq!(device.outcome(), expected);
    assert!(!device.seen().contains(&Seen::Activated));
    device.assert_as_it_was(&end);
}

#[test]
fn an_offer_that_changes_between_two_polls_begins_afresh() {
    // 1.3.0 breaks off half-way and for good; then 1.1.0 is offered for the same slot.
    let mut device = Device::wanting(release("1.3.0"));
    device.intercept(|request| {
        request.is_download().then(|| match request.first_byte() {
            0 => Reply::new("200 OK", "", release("1.3.0").bytes).cut_to(200_000),
            _ => Reply::raw("").then(crate::support::reply::Then::Reset),
        })
    });
    let end = device.poll();
    let lost = (UpdateStatus::Failed, Some(ReasonCode::ConnectionLost));
    assert_eq!(device.outcome(), lost);
    device.assert_as_it_was(&end);

    // 1.1.0 breaks off, too, before its first checkpoint: the one of 1.3.0 must not vouch for it.
    device.wants(release("1.1.0"));
    device.intercept(|request| {
        request.is_download().then(|| match request.first_byte() {
            0 => Reply::new("200 OK", "", release("1.1.0").bytes).cut_to(10_000),
            _ => Reply::raw("").then(crate::support::reply::Then::Reset),
        })
    });
    device.poll();
    device.server().intercept = None;
    device.server().requests.clear();
    assert_eq!(device.poll(), End::Stopped(AppSlot::Ota(1)));
    assert_eq!(
        device.downloads(),
        [0],
        "nothing of 1.3.0 may be taken for 1.1.0"
    );
    device.assert_confirmed(1, "1.1.0");
}

#[test]
fn seed_004_failure_recovery_what_was_written_and_has_changed_since_is_fetched_again() {
    use embedded_storage::nor_flash::NorFlash as _;
    let mut device = Device::wanting(release("1.1.0"));
    device.intercept(|request| {
        request.is_download().then(|| match request.first_byte() {
            0 => Reply::new("200 OK", "", release("1.1.0").bytes).cut_to(200_000),
            _ => Reply::raw("").then(crate::support::reply::Then::Reset),
        })
    });
    device.poll();
    // A bit of what is there is lost.
    let slot = device.table.ota(1).expect("ota_1").offset;
    device
        .flash
        .write(slot + 0x1_0000, &[0; 4])
        .expect("a write");
    device.server().intercept = None;
    device.server().reports.clear();
    device.server().requests.clear();
    device.poll();
    if device.downloads() != [0] {
        // Only the digest of the whole can tell: found at the end, and begun afresh at the next poll.
        let (_, reason) = device.outcome();
        let found = [ReasonCode::ImageInvalid, ReasonCode::ChecksumMismatch];
        assert!(
            reason.is_some_and(|reason| found.contains(&reason)),
            "{reason:?}"
        );
        assert_eq!(device.poll(), End::Stopped(AppSlot::Ota(1)));
    }
    device.assert_confirmed(1, "1.1.0");
}
