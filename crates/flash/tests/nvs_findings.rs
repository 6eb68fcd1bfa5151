//! What fuzzing found in NVS, as partitions made by hand.

mod nvs_chip;

use nvs_chip::Chip;
use updraft_flash::nvs::Nvs;

const SIZE: u32 = 3 * 4096;

/// NVS's checksum, bit by bit: the register starts at zero and is inverted at the end.
fn crc(bytes: &[u8]) -> [u8; 4] {
    let mut register = 0_u32;
    for byte in bytes {
        register ^= u32::from(*byte);
        for _ in 0..8 {
            let low = register & 1;
            register = (register >> 1) ^ (low * 0xEDB8_8320);
        }
    }
    (!register).to_le_bytes()
}

/// An active page of this sequence with these entries: namespace, kind, key, data.
fn page(sequence: u8, entries: &[(u8, u8, &str, [u8; 8])]) -> Vec<u8> {
    let mut page = vec![0xFF; 4096];
    page[..4].copy_from_slice(&0xFFFF_FFFE_u32.to_le_bytes());
    page[4..9].copy_from_slice(&[sequence, 0, 0, 0, 0xFE]);
    let sum = crc(&page[4..28]);
    page[28..32].copy_from_slice(&sum);
    for (index, (namespace, kind, key, data)) in entries.iter().enumerate() {
        page[32] &= !(1 << (index * 2));
        let entry = &mut page[64 + index * 32..][..32];
        entry.fill(0);
        entry[..4].copy_from_slice(&[*namespace, *kind, 1, 0xFF]);
        entry[8..8 + key.len()].copy_from_slice(key.as_bytes());
        entry[24..].copy_from_slice(data);
        let sum = crc(&[&entry[..4], &entry[8..]].concat());
        entry[4..8].copy_from_slice(&sum);
    }
    page
}

fn chip(pages: &[Vec<u8>]) -> Chip {
    let mut image = pages.concat();
    image.resize(SIZE as usize, 0xFF);
    Chip::holding(image)
}

/// The entry hid the one written for the namespace later: nothing stored there was found.
#[test]
fn a_namespace_with_the_number_of_none_gets_another() {
    let mut chip = chip(&[page(0, &[(0, 0x01, "updraft", [0; 8])])]);
    let mut nvs = Nvs::mount(&mut chip, SIZE).unwrap();
    for boots in [7_u32, 8] {
        nvs.set("updraft", "boots", boots).unwrap();
        assert_eq!(nvs.get("updraft", "boots"), Ok(Some(boots)));
    }
    let mut nvs = Nvs::mount(&mut chip, SIZE).unwrap();
    assert_eq!(nvs.get("updraft", "boots"), Ok(Some(8_u32)));
}

/// The entry on the newer page passed for a newer one of the namespace, whose own a mount erased, and with it the way to
/// all that is stored there.
#[test]
fn a_value_among_the_namespaces_replaces_none() {
    let named = (0, 0x01, "updraft", [1, 255, 255, 255, 255, 255, 255, 255]);
    let value = (1, 0x04, "boots", [5, 0, 0, 0, 255, 255, 255, 255]);
    let odd = (0, 0x04, "updraft", [9; 8]);
    let mut chip = chip(&[page(0, &[named, value]), page(1, &[odd])]);
    let mut nvs = Nvs::mount(&mut chip, SIZE).unwrap();
    assert_eq!(nvs.get("updraft", "boots"), Ok(Some(5_u32)));
}
