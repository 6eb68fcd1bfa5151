//! Each fault of an image: its code, its place, what was found and expected.

mod support;

use support::{Rebuilt, fixture, short_image};
use updraft_image::{
    Chip, DEFAULT_MMU_PAGE, Expect, FaultCode, GATE_SIZE, Head, MAX_IMAGE_SIZE, Text32, Value,
    Verifier, verify,
};

fn real() -> Vec<u8> {
    fixture("updraft-c3-1.0.0.bin")
}

/// The fault of `bytes`, as code and offset.
fn fault(bytes: &[u8], expect: Expect) -> (FaultCode, u32) {
    let fault = verify(bytes, expect).unwrap_err();
    println!("{fault}\n  {}", fault.hint());
    (fault.code, fault.offset)
}

/// A real image with bytes replaced at an offset.
fn patched(offset: usize, replacement: &[u8]) -> Vec<u8> {
    let mut image = real();
    image[offset..][..replacement.len()].copy_from_slice(replacement);
    image
}

#[test]
fn header_faults_are_named() {
    let none = Expect::new;
    assert_eq!(
        fault(&patched(0, &[0x00]), none()),
        (FaultCode::BadMagic, 0)
    );
    assert_eq!(
        fault(&patched(1, &[17]), none()),
        (FaultCode::TooManySegments, 1)
    );
    assert_eq!(fault(&patched(1, &[0]), none()), (FaultCode::NoSegments, 1));
    assert_eq!(
        fault(&patched(12, &[0xFF, 0xFF]), none()),
        (FaultCode::UnknownChip, 12)
    );
    assert_eq!(fault(&patched(23, &[0]), none()), (FaultCode::NoHash, 23));
    assert_eq!(
        fault(&patched(23, &[2]), none()),
        (FaultCode::BadHashFlag, 23)
    );
    assert_eq!(
        fault(&patched(32, &[0; 4]), none()),
        (FaultCode::NoAppDescriptor, 32)
    );
}

#[test]
fn sixteen_segments_are_accepted_and_their_facts_are_right() {
    let mut image = Rebuilt::from(&short_image());
    while image.segments.len() < 16 {
        image
            .segments
            .push((0x3FC8_0000, vec![image.segments.len() as u8; 8]));
    }
    let facts = verify(&image.bytes(), Expect::new()).unwrap();
    assert_eq!(facts.segments.len(), 16);
    let last = facts.segments.iter().last().unwrap();
    assert_eq!(
        (last.index, last.load_address, last.len),
        (15, 0x3FC8_0000, 8)
    );
    assert_eq!(image.bytes()[last.offset as usize..][..8], [15; 8]);
    image.segments.push((0, vec![0; 4]));
    assert_eq!(
        fault(&image.bytes(), Expect::new()),
        (FaultCode::TooManySegments, 1)
    );
}

#[test]
fn segment_faults_are_named() {
    let second = |image: &Rebuilt| 24 + 8 + image.segments[0].1.len() as u32;
    let mut odd = Rebuilt::from(&short_image());
    odd.segments[1].1.push(0);
    assert_eq!(
        fault(&odd.bytes(), Expect::new()),
        (FaultCode::SegmentLength, second(&odd) + 4)
    );

    let long = patched(28, &0x0100_0000u32.to_le_bytes());
    assert_eq!(fault(&long, Expect::new()), (FaultCode::SegmentTooLong, 28));

    let short = patched(28, &252u32.to_le_bytes());
    assert_eq!(
        fault(&short, Expect::new()),
        (FaultCode::FirstSegmentTooShort, 28)
    );

    let mut misplaced = Rebuilt::from(&short_image());
    misplaced.segments[1].0 = Chip::Esp32c3.irom(DEFAULT_MMU_PAGE).start;
    let fault = verify(&misplaced.bytes(), Expect::new()).unwrap_err();
    assert_eq!(
        (fault.code, fault.offset),
        (FaultCode::SegmentMisplaced, second(&misplaced))
    );
    let ending = second(&misplaced) + 8;
    assert_eq!(
        fault.expected,
        Value::AddressEnding {
            page: DEFAULT_MMU_PAGE,
            ending
        }
    );
    misplaced.segments[1].0 += ending;
    assert!(
        verify(&misplaced.bytes(), Expect::new()).is_ok(),
        "now in its place"
    );
}

#[test]
fn an_empty_segment_is_no_fault() {
    let mut image = Rebuilt::from(&short_image());
    image.segments.push((0, Vec::new()));
    assert_eq!(
        verify(&image.bytes(), Expect::new())
            .unwrap()
            .segments
            .len(),
        3
    );
}

#[test]
fn the_mmu_page_is_that_of_the_descriptor_where_the_chip_has_a_choice() {
    let mut image = Rebuilt::from(&short_image());
    image.header[12] = Chip::Esp32c6.id() as u8;
    image.segments[0].0 = 0x4200_0020;
    image.segments[0].1[180] = 13;
    // 8 KiB pages: an address 8 KiB on is as good a place, which it is not with 64 KiB pages.
    image.segments[1].0 = 0x4200_2000 + 32 + 256 + 8;
    let facts = verify(&image.bytes(), Expect::new()).unwrap();
    assert_eq!(facts.head.mmu_page, 8 * 1024);
    image.segments[0].1[180] = 0;
    assert_eq!(
        fault(&image.bytes(), Expect::new()).0,
        FaultCode::SegmentMisplaced
    );
    assert_eq!(
        Chip::Esp32c3.mmu_page(13),
        DEFAULT_MMU_PAGE,
        "the ESP32-C3 has no choice"
    );
    assert_eq!(
        Chip::Esp32c6.mmu_page(200),
        DEFAULT_MMU_PAGE,
        "out of range is the default"
    );
}

#[test]
fn checksum_and_hash_are_told_apart() {
    let image = real();
    let end = image.len();
    let mut data = image.clone();
    data[100_000] ^= 1;
    assert_eq!(
        fault(&data, Expect::new()),
        (FaultCode::ChecksumMismatch, end as u32 - 33)
    );
    data[100_004] ^= 1;
    assert_eq!(
        fault(&data, Expect::new()),
        (FaultCode::HashMismatch, end as u32 - 32)
    );
    let mut hash = image;
    hash[end - 1] ^= 1;
    assert_eq!(
        fault(&hash, Expect::new()),
        (FaultCode::HashMismatch, end as u32 - 32)
    );
}

#[test]
fn requirements_are_decided_at_the_gate() {
    let image = real();
    let name = |text| Text32::new(text).unwrap();
    let cases = [
        (Expect::new().chip(Chip::Esp32s3), FaultCode::WrongChip, 12),
        (Expect::new().chip_revision(2), FaultCode::ChipTooOld, 15),
        (Expect::new().chip_revision(200), FaultCode::ChipTooNew, 17),
        (
            Expect::new().min_secure_version(1),
            FaultCode::SecureVersionTooLow,
            36,
        ),
        (
            Expect::new().project_name(name("another")),
            FaultCode::WrongProject,
            80,
        ),
        (
            Expect::new().max_size(1000).declared_size(1001),
            FaultCode::TooLarge,
            0,
        ),
    ];
    let first: &[u8; GATE_SIZE] = image.first_chunk().unwrap();
    for (expect, code, offset) in cases {
        let fault = Verifier::new(expect).update(first).unwrap_err();
        assert_eq!((fault.code, fault.offset), (code, offset));
        assert_eq!(Head::gate(first, &expect), Err(fault));
        assert_eq!(verify(&image, expect), Err(fault));
    }
    let fitting = Expect::new()
        .chip(Chip::Esp32c3)
        .chip_revision(3)
        .efuse_block_revision(1)
        .min_secure_version(0)
        .project_name(name("updraft-c3"))
        .max_size(image.len() as u32)
        .declared_size(image.len() as u32);
    assert!(verify(&image, fitting).is_ok());
}

#[test]
fn efuse_block_revisions_are_bounds() {
    let mut image = Rebuilt::from(&short_image());
    image.segments[0].1[176..180].copy_from_slice(&[101, 0, 199, 0]);
    let of = |revision| {
        verify(&image.bytes(), Expect::new().efuse_block_revision(revision)).map_err(|f| f.code)
    };
    assert_eq!(of(100).unwrap_err(), FaultCode::EfuseBlockTooOld);
    assert!(of(101).is_ok());
    assert!(of(199).is_ok());
    assert_eq!(of(200).unwrap_err(), FaultCode::EfuseBlockTooNew);
}

#[test]
fn sizes_are_bounds() {
    let image = real();
    let len = image.len() as u32;
    // The segment that does not fit is refused at its header, long before its data.
    let (code, offset) = fault(&image, Expect::new().max_size(len - 100_000));
    assert_eq!(code, FaultCode::TooLarge);
    assert!(offset < len / 2, "{offset}");
    assert_eq!(
        fault(&image, Expect::new().max_size(len - 1)).0,
        FaultCode::TooLarge
    );
    let mut longer = image.clone();
    longer.push(0xFF);
    assert_eq!(
        fault(&longer, Expect::new().max_size(len)),
        (FaultCode::TooLarge, len)
    );
    assert_eq!(
        fault(&longer, Expect::new()),
        (FaultCode::TrailingBytes, len)
    );
    assert_eq!(
        fault(&longer, Expect::new().declared_size(len)),
        (FaultCode::SizeMismatch, len)
    );
    assert_eq!(
        fault(&image, Expect::new().declared_size(len + 1)),
        (FaultCode::SizeMismatch, len)
    );
    assert_eq!(
        Expect::new().max_size(u32::MAX).size_limit(),
        MAX_IMAGE_SIZE
    );
}

#[test]
fn unreadable_texts_are_faults_of_their_accessor_alone() {
    let mut image = Rebuilt::from(&short_image());
    image.segments[0].1[16..48].fill(b'9');
    image.segments[0].1[48..50].copy_from_slice(&[0xC3, 0x28]);
    image.segments[0].1[80] = 0x1B;
    let head = verify(&image.bytes(), Expect::new()).unwrap().head;
    assert_eq!(
        head.app.version().unwrap(),
        "9".repeat(32),
        "32 bytes need no NUL"
    );
    let fault = head.app.project_name().unwrap_err();
    assert_eq!((fault.code, fault.offset), (FaultCode::DescriptorText, 80));
    assert!(head.app.time().is_err(), "an escape sequence is no time");
    assert!(head.app.date().is_ok());
    assert!(!fault.to_string().contains('\u{1b}'));
}

#[test]
fn codes_are_unique_snake_case_and_have_hints() {
    let mut seen = std::collections::HashSet::new();
    for code in FaultCode::ALL {
        assert!(seen.insert(code.as_str()), "{code:?}");
        assert!(
            code.as_str()
                .bytes()
                .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_')),
            "{code:?}"
        );
        assert!(
            code.hint().ends_with('.') && !code.summary().ends_with('.'),
            "{code:?}"
        );
    }
}

#[test]
fn a_fault_reads_as_one_sentence() {
    let fault = verify(&real(), Expect::new().chip(Chip::Esp32s3)).unwrap_err();
    assert_eq!(
        fault.to_string(),
        "the image is for another chip (at offset 0xc: found esp32c3, expected esp32s3)"
    );
}
