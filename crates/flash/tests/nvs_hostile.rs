//! Whatever is on the flash, and whatever is asked for: an answer, never a panic; and a partition
//! that mounted once mounts again without a further write.

mod nvs_chip;

use nvs_chip::Chip;
use proptest::prelude::*;
use updraft_flash::nvs::{Kind, NAME_MAX, Nvs, NvsError, PAGES_MAX, TEXT_MAX};

/// NVS's checksum, bit by bit: the register starts at zero and is inverted at the end.
fn crc(bytes: &[u8]) -> [u8; 4] {
    let mut register = 0_u32;
    for byte in bytes {
        register ^= u32::from(*byte);
        for _ in 0..8 {
            register = if register & 1 == 1 {
                (register >> 1) ^ 0xEDB8_8320
            } else {
                register >> 1
            };
        }
    }
    (!register).to_le_bytes()
}

fn put_entry_crc(entry: &mut [u8]) {
    let covered = [&entry[..4], &entry[8..32]].concat();
    entry[4..8].copy_from_slice(&crc(&covered));
}

/// An entry that has a right checksum and otherwise anything, mostly of kinds that exist.
fn entry() -> impl Strategy<Value = [u8; 32]> {
    let kind = prop_oneof![
        8 => proptest::sample::select(vec![0x01, 0x14, 0x21, 0x41, 0x42, 0x42, 0x48, 0x48, 0x24]),
        1 => any::<u8>(),
    ];
    let span = prop_oneof![4 => 1..4_u8, 1 => any::<u8>()];
    let chunk = prop_oneof![2 => Just(0xFF_u8), 2 => 0..3_u8, 1 => 0x80..0x83_u8, 1 => any::<u8>()];
    let size = prop_oneof![3 => 0..100_u16, 1 => any::<u16>()];
    (0..3_u8, kind, span, chunk, "[a-c]", size, any::<[u8; 6]>()).prop_map(
        |(ns, kind, span, chunk, key, size, data)| {
            let mut entry = [0; 32];
            entry[..4].copy_from_slice(&[ns, kind, span, chunk]);
            entry[8] = key.as_bytes()[0];
            entry[24..26].copy_from_slice(&size.to_le_bytes());
            entry[26..].copy_from_slice(&data);
            if kind == 0x48 {
                entry[26..28].fill(0);
                entry[28] %= 4;
                entry[29] &= 0x80;
            }
            put_entry_crc(&mut entry);
            entry
        },
    )
}

/// A page with a right header, whatever states its entries have.
fn page() -> impl Strategy<Value = Vec<u8>> {
    let state = proptest::sample::select(vec![
        0xFFFF_FFFE_u32,
        0xFFFF_FFFC,
        0xFFFF_FFF8,
        0xFFFF_FFFF,
        0,
    ]);
    let sequence = prop_oneof![8 => 0..4_u32, 1 => any::<u32>()];
    let version = prop_oneof![20 => Just(0xFE_u8), 5 => Just(0xFF), 1 => any::<u8>()];
    let states = prop_oneof![
        any::<[u8; 32]>(),
        Just([0xAA; 32]),
        (0..32_usize).prop_map(|bytes| std::array::from_fn(|at| if at < bytes {
            0xAA
        } else {
            0xFF
        })),
    ];
    (
        state,
        sequence,
        version,
        states,
        proptest::collection::vec(entry(), 0..126),
    )
        .prop_map(|(state, sequence, version, states, entries)| {
            let mut page = vec![0xFF; 4096];
            page[..4].copy_from_slice(&state.to_le_bytes());
            page[4..8].copy_from_slice(&sequence.to_le_bytes());
            page[8] = version;
            let sum = crc(&page[4..28]);
            page[28..32].copy_from_slice(&sum);
            page[32..64].copy_from_slice(&states);
            for (at, entry) in entries.iter().enumerate() {
                page[64 + at * 32..][..32].copy_from_slice(entry);
            }
            page
        })
}

/// Mounts, reads everything, mounts until nothing is repaired any more, writes.
fn exercise(image: Vec<u8>, settles_in: usize) {
    let mut chip = Chip::holding(image);
    let size = chip.size();
    let mut nvs = match Nvs::mount(&mut chip, size) {
        Ok(nvs) => nvs,
        Err(NvsError::NoFreePages | NvsError::NewVersion { .. } | NvsError::SequenceExhausted) => {
            return;
        }
        Err(error) => panic!("mount: {error}"),
    };
    let mut buffer = vec![0; 600_000];
    let entries: Vec<_> = nvs.entries().collect::<Result<_, _>>().unwrap();
    for entry in &entries {
        let (Some(namespace), Some(key)) = (entry.namespace.as_str(), entry.key.as_str()) else {
            continue;
        };
        let read = match entry.kind {
            Kind::Text => nvs.get_str(namespace, key, &mut buffer).map(drop),
            Kind::Blob | Kind::OldBlob => nvs.get_blob(namespace, key, &mut buffer).map(drop),
            _ => nvs.get_raw(namespace, key).map(drop),
        };
        match read {
            Ok(())
            | Err(
                NvsError::Damaged | NvsError::NotUtf8 | NvsError::WrongType { .. } | NvsError::Name,
            ) => {}
            Err(error) => panic!("{entry:?}: {error}"),
        }
    }
    // What a cut leaves is repaired at once. Pages that contradict each other may take a few mounts.
    let mut mounts = 0;
    loop {
        let operations = chip.log.len();
        Nvs::mount(&mut chip, size).unwrap();
        mounts += 1;
        if chip.log.len() == operations {
            break;
        }
        assert!(mounts < settles_in, "mount {mounts} still repairs");
    }
    let chip = &mut chip;
    let mut nvs = Nvs::mount(chip, size).unwrap();
    match nvs.set_blob("a", "b", &[7; 500]) {
        Ok(()) => assert_eq!(nvs.get_blob("a", "b", &mut buffer), Ok(Some(&[7; 500][..]))),
        Err(NvsError::NotEnoughSpace | NvsError::SequenceExhausted) => {}
        Err(error) => panic!("set: {error}"),
    }
}

/// A partition with some of everything on it.
fn sound_image() -> Vec<u8> {
    let mut chip = Chip::blank(4);
    let size = chip.size();
    let mut nvs = Nvs::mount(&mut chip, size).unwrap();
    for round in 0..40_u8 {
        nvs.set("one", "count", u32::from(round)).unwrap();
        nvs.set_str("one", "text", &"t".repeat(usize::from(round)))
            .unwrap();
        nvs.set_blob("two", "blob", &vec![round; 2500]).unwrap();
    }
    chip.bytes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn made_up_pages(pages in proptest::collection::vec(page(), 3..6)) {
        exercise(pages.concat(), 4);
    }

    #[test]
    fn damaged_pages(damage in proptest::collection::vec((0..4 * 4096_usize, any::<u8>()), 1..60)) {
        let mut image = sound_image();
        for (at, byte) in damage {
            image[at] = byte;
        }
        exercise(image, 2);
    }

    #[test]
    fn noise(image in proptest::collection::vec(any::<u8>(), 3 * 4096..=3 * 4096)) {
        exercise(image, 2);
    }
}

#[test]
fn ram_is_as_documented() {
    assert_eq!(size_of::<Nvs<[u8; 0]>>(), 132);
}

#[test]
fn sizes_that_cannot_be_used_are_refused() {
    for size in [
        0,
        4096,
        2 * 4096,
        3 * 4096 + 1,
        (PAGES_MAX as u32 + 1) * 4096,
        5 * 4096,
        u32::MAX,
    ] {
        let mut chip = Chip::blank(4);
        assert_eq!(
            Nvs::mount(&mut chip, size).map(drop),
            Err(NvsError::Size(size))
        );
    }
    let mut chip = Chip::blank(PAGES_MAX);
    assert!(Nvs::mount(&mut chip, PAGES_MAX as u32 * 4096).is_ok());
}

#[test]
fn bad_names_and_values_are_refused_before_anything_is_written() {
    let mut chip = Chip::blank(3);
    let mut nvs = Nvs::mount(&mut chip, 3 * 4096).unwrap();
    let long = "n".repeat(NAME_MAX + 1);
    for name in ["", "with\0nul", &long] {
        assert_eq!(nvs.set("ok", name, 1_u8), Err(NvsError::Name), "{name:?}");
        assert_eq!(nvs.set(name, "ok", 1_u8), Err(NvsError::Name), "{name:?}");
        assert_eq!(nvs.get::<u8>("ok", name), Err(NvsError::Name), "{name:?}");
        assert_eq!(nvs.get::<u8>(name, "ok"), Err(NvsError::Name), "{name:?}");
    }
    assert_eq!(nvs.set_str("ok", "ok", "nul\0"), Err(NvsError::NulInText));
    let long = "t".repeat(TEXT_MAX + 1);
    let (len, max) = (TEXT_MAX + 1, TEXT_MAX);
    assert_eq!(
        nvs.set_str("ok", "ok", &long),
        Err(NvsError::ValueTooLong { len, max })
    );
    assert_eq!(
        nvs.set_blob("ok", "ok", &[0; 8001]),
        Err(NvsError::ValueTooLong {
            len: 8001,
            max: 8000
        })
    );
    assert_eq!(chip.log, []);
}

#[test]
fn a_newer_format_and_a_partition_without_a_free_page_are_named() {
    let image = sound_image();
    let newer = {
        let mut image = image.clone();
        let page = image.chunks_mut(4096).nth(1).unwrap();
        page[..4].copy_from_slice(&0xFFFF_FFFC_u32.to_le_bytes());
        page[8] = 0xFD;
        let sum = crc(&page[4..28]);
        page[28..32].copy_from_slice(&sum);
        image
    };
    let mut chip = Chip::holding(newer);
    assert_eq!(
        Nvs::mount(&mut chip, 4 * 4096).map(drop),
        Err(NvsError::NewVersion {
            page: 1,
            version: 0xFD
        })
    );
    assert_eq!(chip.log, [], "an unknown format is left alone");

    // Three pages in use, without the fourth that is free.
    let mut chip = Chip::blank(4);
    let mut nvs = Nvs::mount(&mut chip, 4 * 4096).unwrap();
    for key in ["one", "two", "three"] {
        nvs.set_str("full", key, &"t".repeat(3900)).unwrap();
    }
    let mut image = chip.bytes;
    let free = image
        .chunks(4096)
        .position(|page| page.iter().all(|byte| *byte == 0xFF))
        .unwrap();
    image.drain(free * 4096..(free + 1) * 4096);
    let mut chip = Chip::holding(image);
    assert_eq!(
        Nvs::mount(&mut chip, 3 * 4096).map(drop),
        Err(NvsError::NoFreePages)
    );
}

#[test]
fn a_damaged_value_is_reported_and_can_be_written_again() {
    let mut chip = Chip::blank(3);
    let mut nvs = Nvs::mount(&mut chip, 3 * 4096).unwrap();
    nvs.set_str("one", "text", "sound").unwrap();
    nvs.set("one", "number", 5_u8).unwrap();
    let at = chip
        .bytes
        .windows(5)
        .position(|bytes| bytes == b"sound")
        .unwrap();
    chip.bytes[at] &= b'S';
    chip.bytes[at] ^= 1;
    let mut nvs = Nvs::mount(&mut chip, 3 * 4096).unwrap();
    let mut buffer = [0; 8];
    assert_eq!(
        nvs.get_str("one", "text", &mut buffer),
        Err(NvsError::Damaged)
    );
    assert_eq!(nvs.get("one", "number"), Ok(Some(5_u8)));
    nvs.set_str("one", "text", "sound").unwrap();
    assert_eq!(nvs.get_str("one", "text", &mut buffer), Ok(Some("sound")));
}

#[test]
fn a_full_partition_refuses_and_keeps_what_it_has() {
    let mut chip = Chip::blank(3);
    let mut nvs = Nvs::mount(&mut chip, 3 * 4096).unwrap();
    nvs.set_blob("one", "blob", &[1; 3900]).unwrap();
    assert_eq!(
        nvs.set_blob("one", "other", &[2; 7000]),
        Err(NvsError::NotEnoughSpace)
    );
    let mut buffer = [0; 3900];
    assert_eq!(
        nvs.get_blob("one", "blob", &mut buffer),
        Ok(Some(&[1; 3900][..]))
    );
    let mut names = (0..300).map(|number| format!("k{number}"));
    let refused = names.find_map(|name| nvs.set("one", &name, 1_u8).err());
    assert_eq!(refused, Some(NvsError::NotEnoughSpace));
    assert!(nvs.erase_key("one", "blob").unwrap());
    nvs.set("one", "room", 1_u8).unwrap();
    assert_eq!(nvs.get("one", "k0"), Ok(Some(1_u8)));
}

#[test]
fn namespaces_run_out_at_254() {
    let mut chip = Chip::blank(8);
    let size = chip.size();
    let mut nvs = Nvs::mount(&mut chip, size).unwrap();
    for number in 0..254_u32 {
        nvs.set(&format!("ns{number}"), "key", number).unwrap();
    }
    assert_eq!(
        nvs.set("one_more", "key", 0_u8),
        Err(NvsError::TooManyNamespaces)
    );
    for number in 0..254_u32 {
        assert_eq!(nvs.get(&format!("ns{number}"), "key"), Ok(Some(number)));
    }
}
