//! ESP application images: the verdict depends on the bytes alone, whatever the split.
//!
//! The last bytes of an input say how the rest is read: which checksums are put right first, what is expected, and where
//! it is cut.
#![no_main]

use libfuzzer_sys::fuzz_target;
use updraft_fuzz::{fixtures, forge_image, seed, short_image};
use updraft_image::{Chip, Expect, Fault, FaultCode, GATE_SIZE, Text32, Verifier, verify};

/// Bytes at an input's end that are not part of the file.
const CONTROL: usize = 8;
const SECTOR: usize = 4096;
const SIGNATURE_BLOCK: usize = 1216;

fn expect(flags: u8, value: u8, file: &[u8]) -> Expect {
    let mut expect = Expect::new();
    let value = u32::from(value);
    if flags & 1 != 0 {
        expect = expect.declared_size((file.len() as u32).wrapping_add(value / 64));
    }
    if flags & 2 != 0 {
        expect = expect.max_size(value * 64);
    }
    if flags & 4 != 0 {
        expect = expect.chip(Chip::Esp32c3);
    }
    if flags & 8 != 0 {
        expect = expect.min_secure_version(value);
    }
    if flags & 16 != 0 {
        expect = expect
            .chip_revision(value as u16)
            .efuse_block_revision(value as u16);
    }
    if flags & 32 != 0
        && let Some(name) = Text32::new("updraft")
    {
        expect = expect.project_name(name);
    }
    expect
}

fn run(input: &[u8]) {
    let Some((file, control)) = input.split_last_chunk::<CONTROL>() else {
        return;
    };
    let mut file = file.to_vec();
    forge_image(&mut file, control[0]);
    let expect = expect(control[1], control[2], &file);
    let whole = verify(&file, expect);
    describe(&whole);

    let mut verifier = Verifier::new(expect);
    let mut first: Option<Fault> = None;
    let mut rest = &file[..];
    let mut cuts = control[3..].iter().cycle();
    let mut fed = 0;
    while !rest.is_empty() {
        // Mostly longer pieces, some of a few bytes, some empty.
        let length = match cuts.next().copied().unwrap_or(1) {
            small @ 0..64 => usize::from(small),
            large => usize::from(large) * 23,
        };
        let length = if control[3..].iter().all(|cut| *cut == 0) {
            1
        } else {
            length
        };
        let (piece, later) = rest.split_at(length.min(rest.len()));
        rest = later;
        fed += piece.len();
        let verdict = verifier.update(piece);
        assert!(first.is_none() || verdict.err() == first, "a fault stays");
        first = verdict.err();
        assert_eq!(verifier.position() as usize, fed);
        if fed >= GATE_SIZE {
            assert!(
                first.is_some() || verifier.head().is_some(),
                "the gate decides"
            );
        }
    }
    let full = verifier.finish();
    assert_eq!(full, whole);
    if let Some(fault) = first {
        let refined = whole.is_err_and(|whole| whole.code == FaultCode::MergedImage);
        assert!(refined || full == Err(fault), "{fault} became {full:?}");
    }
}

fn describe(verdict: &Result<updraft_image::Facts, Fault>) {
    match verdict {
        Ok(facts) => assert!(!format!("{facts:?} {}", facts.signature).is_empty()),
        Err(fault) => {
            assert!(!fault.to_string().is_empty() && !fault.code.as_str().is_empty());
            assert!(!fault.hint().to_string().is_empty());
        }
    }
}

/// Real headers and descriptors with little behind them, unsigned and as if signed.
fn seeds() {
    for (name, image) in fixtures("firmware", "bin") {
        let mut short = short_image(&image);
        let control = [7, 0, 0, 3, 90, 1, 0, 255];
        seed(&name, &[&short[..], &control].concat());
        short.resize(SECTOR, 0xFF);
        let mut signed = vec![0xFF; SECTOR];
        signed[..SIGNATURE_BLOCK].fill(0);
        signed[..2].copy_from_slice(&[0xE7, 2]);
        seed(
            &format!("{name}.signed"),
            &[&short[..], &signed, &control].concat(),
        );
    }
    for (name, image) in fixtures("bootloaders", "bin") {
        let image = image.get(..6000).unwrap_or(&image);
        seed(&name, &[image, &[0, 0, 0, 200, 3, 0, 0, 17]].concat());
    }
    seed(
        "html",
        b"<!doctype html><title>Sign in</title>\0\0\0\0\0\0\0\0",
    );
    seed("blank", &[0xFF; 400]);
}

fuzz_target!(init: seeds(), |input: &[u8]| run(input));
