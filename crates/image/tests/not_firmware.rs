//! Files that are not firmware are named by what they are; merged images and bootloaders too.

mod support;

use support::{Rebuilt, fixture};
use updraft_image::{Chip, Expect, FaultCode, GATE_SIZE, Verifier, verify};

fn code(bytes: &[u8]) -> FaultCode {
    let fault = verify(bytes, Expect::new()).unwrap_err();
    println!("{fault}\n  {}", fault.hint());
    fault.code
}

/// A short start, and the same followed by enough to fill the gate.
fn short_and_long(start: &[u8], rest: u8) -> [Vec<u8>; 2] {
    let mut long = start.to_vec();
    long.resize(2000, rest);
    [start.to_vec(), long]
}

#[test]
fn kinds_are_recognised() {
    let cases: [(&[u8], u8, FaultCode); 17] = [
        (b"<!DOCTYPE html><html>", b' ', FaultCode::Html),
        (b"\n  <html lang=en>", b' ', FaultCode::Html),
        (
            b"\xEF\xBB\xBF<?xml version=\"1.0\"?>",
            b' ',
            FaultCode::Html,
        ),
        (b"{\"error\": \"not found\"}", b'\n', FaultCode::Json),
        (b"[1, 2]", b' ', FaultCode::Json),
        (b"404: Not Found", b'\n', FaultCode::Text),
        (
            "Gr\u{fc}\u{df}e aus dem Labor".as_bytes(),
            b'.',
            FaultCode::Text,
        ),
        (
            b":10010000214601360121470136007EFE09D2190140\n",
            b'\n',
            FaultCode::IntelHex,
        ),
        (b"\x7FELF\x01\x01\x01\0", 0, FaultCode::Elf),
        (b"UF2\nWQ]\x9E", 0, FaultCode::Uf2),
        (b"PK\x03\x04\x14\0", 1, FaultCode::Zip),
        (b"\x1F\x8B\x08\0", 1, FaultCode::Gzip),
        (
            b"\x01\0\0\0\xF0\x0F\xFF\xF7littlefs/\xE0\0\x10",
            0xFF,
            FaultCode::LittleFs,
        ),
        (
            b"\xE9\0\0\0\xF0\x0F\xFF\xF7littlefs/\xE0\0\x10",
            0xFF,
            FaultCode::LittleFs,
        ),
        (b"\xAA\x50\x01\x02\0\x90\0\0", 0, FaultCode::PartitionTable),
        (b"\xEA\x04\x02\x20", 0, FaultCode::Esp8266),
        (b"\x00\x01\x02\x03", 0, FaultCode::BadMagic),
    ];
    for (start, rest, expected) in cases {
        for file in short_and_long(start, rest) {
            assert_eq!(code(&file), expected, "{start:02x?}");
        }
    }
    assert_eq!(code(b""), FaultCode::EmptyFile);
    assert_eq!(code(&[0xFF; 100]), FaultCode::BlankFlash);
    assert_eq!(code(&vec![0xFF; 100_000]), FaultCode::BlankFlash);
    assert_eq!(code(&[0xE9; 10]), FaultCode::TooShort);
}

#[test]
fn a_character_cut_by_the_gate_is_still_text() {
    let mut text = vec![b'a'; GATE_SIZE - 1];
    text.extend("\u{fc}".as_bytes());
    assert_eq!(code(&text), FaultCode::Text);
}

/// A bootloader in form: an image of RAM segments alone, made of a real app's, with a bootloader descriptor or none.
fn bootloader(descriptor: bool) -> Vec<u8> {
    let mut image = Rebuilt::from(&fixture("updraft-c3-1.0.0.bin"));
    let chip = Chip::Esp32c3;
    image
        .segments
        .retain(|(address, _)| !chip.maps(*address, chip.mmu_page(0)));
    image
        .segments
        .sort_by_key(|(_, data)| std::cmp::Reverse(data.len()));
    image.segments.truncate(1);
    image.segments[0].1.truncate(20_000);
    if descriptor {
        image.segments[0].1[..4].copy_from_slice(&[0x50, 0, 0, 0]);
    }
    image.bytes()
}

/// What esptool's merge-bin makes: parts at their offsets, erased flash between.
fn merged(parts: &[(usize, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    for (offset, part) in parts {
        assert!(out.len() <= *offset);
        out.resize(*offset, 0xFF);
        out.extend_from_slice(part);
    }
    out
}

#[test]
fn bootloaders_are_refused_by_the_gate_and_merged_images_named_at_the_end() {
    let app = fixture("updraft-c3-1.0.0.bin");
    let table = [0xAA, 0x50, 0x01, 0x02, 0x00, 0x90, 0x00, 0x00];
    for descriptor in [true, false] {
        let bootloader = bootloader(descriptor);
        assert_eq!(code(&bootloader), FaultCode::BootloaderImage);
        let whole = merged(&[(0, &bootloader), (0x8000, &table), (0x10000, &app)]);
        assert_eq!(code(&whole), FaultCode::MergedImage);
        assert_eq!(
            code(&whole[..0x9000]),
            FaultCode::MergedImage,
            "the partition table is enough"
        );
        let without_table = merged(&[(0, &bootloader), (0x10000, &app)]);
        assert_eq!(
            code(&without_table),
            FaultCode::MergedImage,
            "the app is enough"
        );

        let mut verifier = Verifier::new(Expect::new());
        let fault = verifier.update(&whole[..GATE_SIZE]).unwrap_err();
        assert_eq!(
            fault.code,
            FaultCode::BootloaderImage,
            "as far as the gate can tell"
        );
        assert_eq!(
            verifier.finish().unwrap_err().code,
            FaultCode::BootloaderImage
        );
    }
}

#[test]
fn merged_images_of_chips_with_a_later_bootloader_start_blank() {
    let app = fixture("updraft-c3-1.0.0.bin");
    let table = [0xAA, 0x50, 0x01, 0x02];
    for offset in [0x1000, 0x2000] {
        let whole = merged(&[
            (offset, &bootloader(true)),
            (0x8000, &table),
            (0x10000, &app),
        ]);
        assert_eq!(code(&whole), FaultCode::MergedImage);
        let fault = verify(&whole, Expect::new()).unwrap_err();
        assert_eq!(fault.offset as usize, offset);
    }
}

#[test]
fn an_app_with_more_flash_behind_it_has_trailing_bytes() {
    let app = fixture("updraft-c3-1.0.0.bin");
    let mut padded = app.clone();
    padded.resize(0x10_0000, 0xFF);
    let fault = verify(&padded, Expect::new()).unwrap_err();
    assert_eq!(
        (fault.code, fault.offset as usize),
        (FaultCode::TrailingBytes, app.len())
    );
    let twice = merged(&[(0, &app), (0x10_0000, &app)]);
    assert_eq!(code(&twice), FaultCode::TrailingBytes);
}
