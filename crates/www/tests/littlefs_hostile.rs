//! Broken and hostile images: a fault or other contents, but never a panic, an access outside the partition,
//! or more reading than the partition's size accounts for.

mod support;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use support::{Image, Misread, read};
use updraft_www::littlefs::{BLOCK_SIZE, Builder, Fault, Mount, MountFault, Progress, ReadAll};

/// Mutated images a run, more by setting `UPDRAFT_MUTATIONS`.
const MUTATIONS: u32 = 20_000;
/// Most bytes that all of one image may take to read, for each byte it has. Honest images take under 40; the worst
/// a hostile one can do is make each of its entries be looked for from the end of its block.
const READS_PER_BYTE: u64 = 2000;

fn image() -> Vec<u8> {
    let mut builder = Builder::new();
    for index in 0..40_usize {
        let path = format!("{}/f{index}.js", ["a", "a/b", "a/b/c", "d"][index % 4]);
        builder.add(&path, vec![index as u8; index * 37]).unwrap();
    }
    builder.add("long.bin", vec![9; 70_000]).unwrap();
    builder.image(64 * BLOCK_SIZE).unwrap()
}

/// Everything one can ask of an image. Whether it found a fault, which must not be the flash's.
fn exercise(bytes: Vec<u8>) -> bool {
    let size = bytes.len() as u64;
    let mut image = Image::new(bytes);
    let whole = read(&mut image);
    if let Err(MountFault::Broken(Fault::Flash(Misread))) = whole {
        panic!("read outside the partition");
    }
    if let Ok(mount) = Mount::open(&mut image) {
        for path in ["long.bin", "a/b/c/f2.js", "a", "nowhere/at/all"] {
            if let Ok(Some(file)) = mount.file(&mut image, path) {
                let mut bytes = [0; 100];
                let _ = mount.read(&mut image, &file, file.size / 2, &mut bytes);
                let _ = mount.read(&mut image, &file, u32::MAX, &mut bytes);
            }
        }
        let mut all = ReadAll::new(mount);
        while let Ok(Progress::More) = all.step(&mut image) {}
    }
    assert!(
        image.read < READS_PER_BYTE * size.max(u64::from(BLOCK_SIZE)),
        "{} bytes read of an image of {size}",
        image.read
    );
    whole.is_err()
}

/// Puts the right checksum back behind whatever was changed in a block's first commit, so that the change is believed.
fn forge(block: &mut [u8]) {
    let mut previous = u32::MAX;
    let mut at = 4;
    while at + 8 <= block.len() {
        let tag = u32::from_be_bytes(block[at..at + 4].try_into().unwrap()) ^ previous;
        if tag >> 31 == 1 {
            return;
        }
        if (tag >> 20) & 0x780 == 0x500 {
            let crc = crc(&block[..at + 4]);
            block[at + 4..at + 8].copy_from_slice(&crc.to_le_bytes());
            return;
        }
        let length = if tag & 0x3FF == 0x3FF { 0 } else { tag & 0x3FF };
        at += 4 + length as usize;
        previous = tag;
    }
}

fn crc(bytes: &[u8]) -> u32 {
    bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            if crc & 1 == 1 {
                (crc >> 1) ^ 0xEDB8_8320
            } else {
                crc >> 1
            }
        })
    })
}

fn mutations() -> u32 {
    std::env::var("UPDRAFT_MUTATIONS").map_or(MUTATIONS, |count| count.parse().unwrap())
}

fn config(cases: u32) -> Config {
    Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    }
}

#[test]
fn changed_bytes() {
    let image = image();
    let faults = std::cell::Cell::new(0);
    // What counts are the beginnings of the metadata blocks in use, which lie in front.
    let place = prop_oneof![
        5 => (0..5_usize, 0..700_usize).prop_map(|(pair, at)| pair * 2 * BLOCK_SIZE as usize + at),
        1 => 0..image.len(),
    ];
    let change = (place, any::<u8>());
    TestRunner::new(config(mutations()))
        .run(
            &(prop::collection::vec(change, 1..8), any::<bool>()),
            |(changes, believed)| {
                let mut image = image.clone();
                for (at, value) in changes {
                    image[at] = value;
                    if believed {
                        let start = at / BLOCK_SIZE as usize * BLOCK_SIZE as usize;
                        forge(&mut image[start..start + BLOCK_SIZE as usize]);
                    }
                }
                faults.set(faults.get() + u32::from(exercise(image)));
                Ok(())
            },
        )
        .unwrap();
    println!(
        "{} images with changed bytes, {} of them faulty",
        mutations(),
        faults.get()
    );
    assert!(faults.get() > mutations() / 100);
}

#[test]
fn random_metadata_with_right_checksums() {
    let image = image();
    let faults = std::cell::Cell::new(0);
    // Tags of all types with small ids and lengths, and data that look like pointers.
    let kind = prop_oneof![
        Just(0x001_u32),
        Just(0x002),
        Just(0x0FF),
        Just(0x200),
        Just(0x201),
        Just(0x202),
        Just(0x401),
        Just(0x4FF),
        Just(0x5FF),
        Just(0x600),
        Just(0x601),
        Just(0x7FF),
        0..0x800_u32
    ];
    let length = prop_oneof![3 => Just(8_u32), 1 => Just(12), 1 => 0..40_u32, 1 => Just(0x3FF)];
    let id = prop_oneof![5 => 0..6_u32, 1 => Just(0x3FF), 1 => 0..0x3FF_u32];
    let data = prop::collection::vec(prop_oneof![3 => 0..70_u32, 1 => any::<u32>()], 12);
    let tags = prop::collection::vec((kind, id, length, data), 0..60);
    TestRunner::new(config(mutations()))
        .run(
            &prop::collection::vec((0..16_usize, tags), 1..6),
            |blocks| {
                let mut image = image.clone();
                for (block, tags) in blocks {
                    // The superblock stays, or nothing behind it would be looked at.
                    let start = block * BLOCK_SIZE as usize;
                    let mut previous = u32::MAX;
                    let mut bytes = 9_u32.to_le_bytes().to_vec();
                    let mut tags = tags;
                    if block < 2 {
                        previous = 0x2010_0018;
                        bytes.extend_from_slice(&image[4..44]);
                    }
                    // Its data are the checksum, put behind it below.
                    tags.push((0x500, 0x3FF, 4, vec![]));
                    for (kind, id, length, data) in tags {
                        let tag = (kind << 20) | (id << 10) | length;
                        bytes.extend_from_slice(&(tag ^ previous).to_be_bytes());
                        let length = if length == 0x3FF { 0 } else { length as usize };
                        let data: Vec<u8> =
                            data.iter().flat_map(|word| word.to_le_bytes()).collect();
                        bytes.extend_from_slice(&data[..length.min(data.len())]);
                        previous = tag;
                    }
                    let crc = crc(&bytes).to_le_bytes();
                    bytes.extend_from_slice(&crc);
                    image[start..start + bytes.len()].copy_from_slice(&bytes);
                }
                faults.set(faults.get() + u32::from(exercise(image)));
                Ok(())
            },
        )
        .unwrap();
    println!(
        "{} images with made-up metadata, {} of them faulty",
        mutations(),
        faults.get()
    );
    assert!(faults.get() > mutations() / 10);
}

#[test]
fn noise_is_no_image() {
    for seed in 0..2000_u32 {
        let mut state = seed.wrapping_mul(0x9E37_79B9) | 1;
        let noise = (0..8 * BLOCK_SIZE).map(|_| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state as u8
        });
        assert!(exercise(noise.collect()), "seed {seed}");
    }
    for size in [0, 1, 4095, 4096, 8191, 8193] {
        let fault = Mount::open(&mut Image::new(vec![0xFF; size])).unwrap_err();
        assert_eq!(fault, MountFault::PartitionSize { size });
    }
    let blank = Mount::open(&mut Image::new(vec![0xFF; 65536])).unwrap_err();
    assert_eq!(blank, MountFault::NoSuperblock);
}

#[test]
fn each_mount_fault_names_both_sides() {
    let mut builder = Builder::new();
    builder.add("index.html", vec![b'x'; 100]).unwrap();
    let image = builder.image(32 * BLOCK_SIZE).unwrap();
    let mount = |image: &[u8]| Mount::open(&mut Image::new(image.to_vec())).unwrap_err();

    let mut short = image.clone();
    short.resize(48 * BLOCK_SIZE as usize, 0xFF);
    let fault = mount(&short);
    assert_eq!(
        fault,
        MountFault::BlockCount {
            image: 32,
            partition: 48
        }
    );
    assert!(
        fault
            .to_string()
            .starts_with("invalid block count (32 != 48)"),
        "{fault}"
    );

    // Version, block size: bytes 20 and 24 of either block.
    for (at, value, code) in [
        (20, 0x0002_0002_u32, "www_version"),
        (20, 0x0003_0000, "www_version"),
        (24, 512, "www_block_size"),
    ] {
        let mut image = image.clone();
        for block in image.chunks_mut(BLOCK_SIZE as usize).take(2) {
            block[at..at + 4].copy_from_slice(&value.to_le_bytes());
            forge(block);
        }
        assert_eq!(mount(&image).code(), code);
    }
}
