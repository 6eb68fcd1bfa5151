//! The verdict depends on the bytes alone: any split gives what the whole slice gives, and damage is always noticed.

mod support;

use proptest::prelude::*;
use proptest::sample::Index;
use support::{fixtures, mutations, short_image};
use updraft_image::{Expect, Facts, Fault, FaultCode, GATE_SIZE, Verifier, verify};

/// Feeds a file in the given pieces to the end, whatever comes; the first fault of `update`, and the full verdict.
fn streamed<'a>(
    pieces: impl Iterator<Item = &'a [u8]>,
    expect: Expect,
) -> (Option<Fault>, Result<Facts, Fault>) {
    let mut verifier = Verifier::new(expect);
    let mut first = None;
    for piece in pieces {
        let verdict = verifier.update(piece);
        assert!(first.is_none() || verdict.err() == first, "a fault stays");
        first = verdict.err();
    }
    (first, verifier.finish())
}

/// The pieces of `bytes` between the cuts.
fn pieces<'a>(bytes: &'a [u8], cuts: &[Index]) -> Vec<&'a [u8]> {
    let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    at.extend([0, bytes.len()]);
    at.sort_unstable();
    at.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect()
}

fn agree(bytes: &[u8], pieces: &[&[u8]], expect: Expect) {
    let whole = verify(bytes, expect);
    let (first, full) = streamed(pieces.iter().copied(), expect);
    assert_eq!(full, whole);
    if let Some(fault) = first {
        let refined = whole.is_err_and(|whole| whole.code == FaultCode::MergedImage);
        assert!(refined || full == Err(fault), "{fault} became {full:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_split_of_a_damaged_real_image_gives_the_same_verdict(
        which in any::<Index>(),
        mutation in prop::option::of(mutations()),
        cuts in prop::collection::vec(any::<Index>(), 0..40),
        over_max_size in prop::option::of(-60_000..140_000),
        over_declared_size in prop::option::of(-9000..1000),
    ) {
        let mut fixtures = fixtures();
        let image = fixtures.swap_remove(which.index(fixtures.len())).bytes;
        let size = |over| (image.len() as u32).saturating_add_signed(over);
        let max_size = over_max_size.map(size);
        let declared_size = over_declared_size.map(size);
        let image = mutation.map_or(image.clone(), |mutation| mutation.apply(&image));
        let expect = Expect { max_size, declared_size, ..Expect::default() };
        agree(&image, &pieces(&image, &cuts), expect);
    }

    #[test]
    fn any_split_of_any_bytes_gives_the_same_verdict_and_no_panic(
        mut bytes in prop::collection::vec(any::<u8>(), 0..6000),
        start in prop::option::of(0usize..400),
        cuts in prop::collection::vec(any::<Index>(), 0..20),
    ) {
        // Half of them start as a real image does, so that more than the gate is reached.
        if let Some(start) = start {
            let image = short_image();
            let start = start.min(bytes.len()).min(image.len());
            bytes[..start].copy_from_slice(&image[..start]);
        }
        agree(&bytes, &pieces(&bytes, &cuts), Expect::new());
    }
}

#[test]
fn a_byte_at_a_time_and_every_two_pieces_give_the_facts() {
    let image = short_image();
    let facts = verify(&image, Expect::new());
    assert!(facts.is_ok(), "{facts:?}");
    assert_eq!(streamed(image.chunks(1), Expect::new()), (None, facts));
    for at in 0..=image.len() {
        let (left, right) = image.split_at(at);
        assert_eq!(
            streamed([left, right].into_iter(), Expect::new()),
            (None, facts)
        );
    }
}

#[test]
fn the_head_is_there_with_byte_288_and_not_before() {
    let image = short_image();
    let mut verifier = Verifier::new(Expect::new());
    for (count, byte) in image.chunks(1).enumerate() {
        assert_eq!(
            verifier.head().is_some(),
            count >= GATE_SIZE,
            "after {count} bytes"
        );
        verifier.update(byte).unwrap();
    }
}

#[test]
fn every_cut_is_noticed() {
    let image = short_image();
    for len in 0..image.len() {
        let fault = verify(&image[..len], Expect::new()).unwrap_err();
        let expected = match len {
            0 => FaultCode::EmptyFile,
            1..GATE_SIZE => FaultCode::TooShort,
            _ => FaultCode::Truncated,
        };
        assert_eq!((fault.code, fault.offset as usize), (expected, len));
    }
}

#[test]
fn every_changed_byte_is_noticed() {
    let image = short_image();
    for at in 0..image.len() {
        for xor in [0x01, 0x10, 0x80, 0xFF] {
            let mut changed = image.clone();
            changed[at] ^= xor;
            assert!(
                verify(&changed, Expect::new()).is_err(),
                "byte {at:#x} xor {xor:#x}"
            );
        }
    }
}
