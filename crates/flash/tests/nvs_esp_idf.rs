//! Images made by Espressif's own generator are read, and go on being written to.

mod nvs_chip;

use std::path::{Path, PathBuf};
use std::process::Command;

use nvs_chip::Chip;
use updraft_flash::nvs::{Kind, Nvs, NvsError};

/// The Python with the generator in it; `None` where there is none, which only CI does not accept.
fn python() -> Option<PathBuf> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/python-tools");
    let why = match Command::new(script).output() {
        Ok(output) if output.status.success() => {
            return Some(PathBuf::from(
                String::from_utf8(output.stdout).unwrap().trim(),
            ));
        }
        Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
        Err(error) => error.to_string(),
    };
    assert_ne!(
        std::env::var("CI").as_deref(),
        Ok("true"),
        "scripts/python-tools: {why}"
    );
    println!("skipped: scripts/python-tools gave no Python: {why}");
    None
}

/// The images of `nvs_images.py`: format 2 and format 1.
fn images() -> Option<[Vec<u8>; 2]> {
    let python = python()?;
    let directory = tempfile::tempdir().unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/nvs_images.py");
    let output = Command::new(python)
        .arg(script)
        .arg(directory.path())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Some(["two.bin", "one.bin"].map(|name| std::fs::read(directory.path().join(name)).unwrap()))
}

fn pattern(length: usize, seed: usize) -> Vec<u8> {
    (0..length)
        .map(|at| (at * 31 + seed * 7 + at / 256) as u8)
        .collect()
}

/// Checks all that `nvs_images.py` put in, and nothing else.
fn check(nvs: &mut Nvs<&mut Chip>, longest_text: usize, largest_blob: usize, blob: Kind) {
    assert_eq!(nvs.get("numbers", "u8_max"), Ok(Some(u8::MAX)));
    assert_eq!(nvs.get("numbers", "u16_max"), Ok(Some(u16::MAX)));
    assert_eq!(nvs.get("numbers", "u32_max"), Ok(Some(u32::MAX)));
    assert_eq!(nvs.get("numbers", "u64_max"), Ok(Some(u64::MAX)));
    assert_eq!(nvs.get("numbers", "i8_min"), Ok(Some(i8::MIN)));
    assert_eq!(nvs.get("numbers", "i16_min"), Ok(Some(i16::MIN)));
    assert_eq!(nvs.get("numbers", "i32_min"), Ok(Some(i32::MIN)));
    assert_eq!(nvs.get("numbers", "i64_min"), Ok(Some(i64::MIN)));
    assert_eq!(nvs.get("numbers", "i8_minus"), Ok(Some(-1_i8)));
    assert_eq!(nvs.get("numbers", "i64_minus"), Ok(Some(-1_i64)));
    assert_eq!(
        nvs.get::<u8>("numbers", "i8_min"),
        Err(NvsError::WrongType { found: Kind::I8 })
    );
    assert_eq!(nvs.get::<u8>("numbers", "absent"), Ok(None));

    let mut buffer = vec![0; 10_000];
    for (key, text) in [
        ("fifteen_letters", "exactly fifteen".to_owned()),
        ("empty", String::new()),
        ("whole_entry", "w".repeat(31)),
        ("longest", "l".repeat(longest_text)),
    ] {
        assert_eq!(
            nvs.get_str("texts", key, &mut buffer),
            Ok(Some(&*text)),
            "{key}"
        );
    }
    let too_small = nvs.get_str("texts", "longest", &mut buffer[..longest_text - 1]);
    assert_eq!(
        too_small,
        Err(NvsError::BufferTooSmall {
            needed: longest_text
        })
    );

    for (key, bytes) in [
        ("small", pattern(5, 1)),
        ("large", pattern(largest_blob, 2)),
        ("hex", vec![0, 0xFF, 0x7F, 0x80]),
    ] {
        assert_eq!(
            nvs.get_blob("blobs", key, &mut buffer),
            Ok(Some(&*bytes)),
            "{key}"
        );
        assert_eq!(
            nvs.entry("blobs", key).unwrap().unwrap().kind,
            blob,
            "{key}"
        );
    }
    let too_small = nvs.get_blob("blobs", "large", &mut buffer[..largest_blob - 1]);
    assert_eq!(
        too_small,
        Err(NvsError::BufferTooSmall {
            needed: largest_blob
        })
    );
    assert_eq!(nvs.get("other", "small"), Ok(Some(7_u8)));
    assert_eq!(
        nvs.entries().collect::<Result<Vec<_>, _>>().unwrap().len(),
        12 + 4 + 3 + 1
    );
}

#[test]
fn images_of_espressifs_generator_are_read() {
    let Some([two, one]) = images() else { return };
    for (image, longest_text, largest_blob, blob) in [
        (two, 3967, 9000, Kind::Blob),
        (one, 1983, 1900, Kind::OldBlob),
    ] {
        let mut chip = Chip::holding(image);
        let size = chip.size();
        let mut nvs = Nvs::mount(&mut chip, size).unwrap();
        check(&mut nvs, longest_text, largest_blob, blob);
        assert_eq!(
            chip.log,
            [],
            "a sound image is mounted and read without a write"
        );
    }
}

#[test]
fn what_the_generator_wrote_outlives_our_own_writes() {
    let Some([two, one]) = images() else { return };
    for (image, longest_text, largest_blob, blob) in [
        (two, 3967, 9000, Kind::Blob),
        (one, 1983, 1900, Kind::OldBlob),
    ] {
        let mut chip = Chip::holding(image);
        let size = chip.size();
        let mut nvs = Nvs::mount(&mut chip, size).unwrap();
        // Some pages full: all of the generator's pages are collected.
        for count in 0..1000_u32 {
            nvs.set("ours", "count", count).unwrap();
        }
        nvs.erase_namespace("ours").unwrap();
        check(&mut nvs, longest_text, largest_blob, blob);

        // A blob in one piece is replaced by one of today's.
        nvs.set_blob("blobs", "small", b"new").unwrap();
        assert_eq!(
            nvs.get_blob("blobs", "small", &mut [0; 3]),
            Ok(Some(&b"new"[..]))
        );
        assert_eq!(
            nvs.entry("blobs", "small").unwrap().unwrap().kind,
            Kind::Blob
        );
        assert_eq!(nvs.get("other", "small"), Ok(Some(7_u8)));
    }
}
