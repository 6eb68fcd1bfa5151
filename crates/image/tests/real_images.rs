//! The real images under fixtures/firmware are accepted, and the facts are those they were built with.

mod support;

use support::fixtures;
use updraft_image::{Expect, Verifier, verify};

#[test]
fn every_fixture_is_sound_and_names_its_chip_and_version() {
    for fixture in fixtures() {
        let facts = verify(&fixture.bytes, Expect::new())
            .unwrap_or_else(|fault| panic!("{}: {fault}", fixture.name));
        println!("{}: {facts:?}", fixture.name);
        let mut parts = fixture.name.trim_end_matches(".bin").split('-').skip(1);
        assert_eq!(parts.next(), facts.head.chip.name().strip_prefix("esp32"));
        assert_eq!(facts.head.app.version().ok(), parts.next());
        assert_eq!(facts.size as usize, fixture.bytes.len());
    }
}

#[test]
fn the_verifier_is_as_small_as_documented() {
    println!("Verifier: {} bytes", size_of::<Verifier>());
    assert!(size_of::<Verifier>() < Verifier::MAX_STATE);
}
