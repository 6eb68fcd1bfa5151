//! Our verdicts next to `esptool image-info`'s, over the real images and thousands of damaged copies of them.
//!
//! Where the two differ by design, [`DIFFERENCES`] says so with the reason and with what esptool must say then. A
//! difference not on the list fails the test.

mod support;

use std::collections::BTreeMap;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngSeed, TestRunner};
use serde_json::{Value as Json, json};
use support::esptool::{ask, hex, python, request};
use support::{Rebuilt, fixtures, mutations};
use updraft_image::{Chip, Expect, Facts, Fault, FaultCode, Value, verify};

/// Mutations of each of the fixtures; all together at least [`LEAST_MUTATIONS`].
const MUTATIONS_EACH: usize = 600;

/// Fewest mutations the comparison is worth anything with.
const LEAST_MUTATIONS: usize = 3000;

/// What esptool may say where we refuse and it does not have to.
type Allowed = fn(&Fault, &Json) -> bool;

/// Every difference between esptool and us: our fault, what esptool must say, why.
const DIFFERENCES: &[(FaultCode, Allowed, &str)] = &[
    (
        FaultCode::NoHash,
        |_, it| read(it) && it["hash_valid"].is_null(),
        "esptool shows images without a hash; one byte of checksum is too little for an update",
    ),
    (
        FaultCode::NoSegments,
        |_, it| read(it) && it["segments"] == json!([]),
        "esptool shows an image of nothing; so does the bootloader accept it",
    ),
    (
        FaultCode::TrailingBytes,
        |_, it| sound(it),
        "esptool ignores what follows the hash",
    ),
    (
        FaultCode::BootloaderImage,
        |_, it| read(it),
        "esptool shows bootloaders too",
    ),
    (
        FaultCode::NoAppDescriptor,
        |_, it| read(it),
        "esptool needs no app descriptor",
    ),
    (
        FaultCode::Truncated,
        |fault, it| cut_in_hash(fault) && it["hash_valid"] == json!(false),
        "esptool calls a hash that is cut off invalid, not missing",
    ),
    (
        FaultCode::UnknownChip,
        other_chip,
        "esptool reads only the low byte of the chip id, knows one chip more, and takes unknown ones for an ESP8266",
    ),
    (
        FaultCode::SegmentLength,
        |_, it| read(it),
        "esptool reads segments of any length, and after an odd one finds whatever follows",
    ),
    (
        FaultCode::FirstSegmentTooShort,
        |_, it| read(it),
        "esptool needs no app descriptor, and finds other segments when the first is shorter",
    ),
    (
        FaultCode::SegmentMisplaced,
        |_, it| read(it),
        "esptool does not check that the MMU can map a segment; the bootloader does",
    ),
];

/// The chip esptool names.
fn chip(it: &Json) -> Option<Chip> {
    it["chip"].as_str()?.parse().ok()
}

fn refused(it: &Json) -> bool {
    it.get("error").is_some()
}

/// Esptool read the structure to its end.
fn read(it: &Json) -> bool {
    !refused(it)
}

fn sound(it: &Json) -> bool {
    read(it) && it["checksum_valid"] == json!(true) && it["hash_valid"] == json!(true)
}

fn cut_in_hash(fault: &Fault) -> bool {
    matches!((fault.found, fault.expected), (Value::Bytes(size), Value::AtLeast(least)) if least - size <= 32)
}

/// Esptool fell back to its oldest chip, whose images have no extended header.
fn is_esp8266(it: &Json) -> bool {
    it["chip"] == json!("esp8266")
}

/// What esptool makes of a chip id we do not know: nothing, an ESP8266, the chip of its low byte, or one we do not have.
fn other_chip(fault: &Fault, it: &Json) -> bool {
    let low_byte = match fault.found {
        Value::Hex(id) => Chip::from_id((id & 0xFF) as u16),
        _ => None,
    };
    refused(it) || is_esp8266(it) || chip(it) == low_byte
}

/// Whether the two agree, or how they are known to differ.
fn compare(ours: &Result<Facts, Fault>, theirs: &Json) -> Result<Option<&'static str>, String> {
    let agree = match ours {
        Ok(facts) => sound(theirs) && chip(theirs) == Some(facts.head.chip),
        Err(fault) => match fault.code {
            FaultCode::ChecksumMismatch => read(theirs) && theirs["checksum_valid"] == json!(false),
            FaultCode::HashMismatch => {
                read(theirs)
                    && theirs["checksum_valid"] == json!(true)
                    && theirs["hash_valid"] == json!(false)
            }
            _ => refused(theirs),
        },
    };
    if agree {
        return Ok(None);
    }
    let Err(fault) = ours else {
        return Err("we accept what esptool does not".to_owned());
    };
    let known = DIFFERENCES
        .iter()
        .find(|(code, allowed, _)| *code == fault.code && allowed(fault, theirs));
    known
        .map(|(_, _, reason)| Some(*reason))
        .ok_or_else(|| "an unknown difference".to_owned())
}

#[test]
fn facts_are_those_esptool_prints() {
    let Some(python) = python() else { return };
    let fixtures = fixtures();
    let requests = fixtures.iter().map(|fixture| {
        let mut request = request(fixture, &fixture.bytes);
        request["app"] = json!(true);
        request
    });
    for (fixture, theirs) in fixtures.iter().zip(ask(&python, requests.collect())) {
        let facts = verify(&fixture.bytes, Expect::new()).expect("a sound image");
        let segments: Vec<Json> = facts
            .segments
            .iter()
            .map(|segment| json!([segment.load_address, segment.len, segment.offset - 8]))
            .collect();
        let app = &facts.head.app;
        assert!(sound(&theirs), "{}: {theirs}", fixture.name);
        assert_eq!(chip(&theirs), Some(facts.head.chip));
        assert_eq!(theirs["entry"], json!(facts.head.header.entry_address));
        assert_eq!(theirs["segments"], json!(segments));
        assert_eq!(theirs["checksum"], json!(facts.checksum));
        assert_eq!(theirs["hash"], json!(hex(&facts.image_sha256)));
        assert_eq!(
            theirs["revisions"],
            json!([
                facts.head.header.min_chip_rev,
                facts.head.header.max_chip_rev
            ])
        );
        assert_eq!(
            theirs["app"]["version"],
            json!(app.version().expect("text"))
        );
        assert_eq!(
            theirs["app"]["project_name"],
            json!(app.project_name().expect("text"))
        );
        assert_eq!(theirs["app"]["time"], json!(app.time().expect("text")));
        assert_eq!(theirs["app"]["date"], json!(app.date().expect("text")));
        assert_eq!(
            theirs["app"]["idf_ver"],
            json!(app.idf_ver().expect("text"))
        );
        assert_eq!(
            theirs["app"]["secure_version"],
            json!(app.secure_version.to_string())
        );
        let elf = theirs["app"]["app_elf_sha256"].as_str().unwrap_or_default();
        assert_eq!(elf.trim_start_matches("0x"), hex(&app.app_elf_sha256));
    }
}

/// Damage that chance seldom hits, one for each difference: what it is, offset, replacement.
const DIRECTED: &[(&str, usize, &[u8])] = &[
    ("no segments", 1, &[0]),
    ("an ESP8266's magic", 0, &[0xEA]),
    ("no hash", 23, &[0]),
    ("an unknown hash flag", 23, &[2]),
    ("a chip id with a high byte", 13, &[1]),
    ("a first segment of odd length", 28, &[0x23]),
    ("a first segment mapped elsewhere", 25, &[0x55]),
    ("a bootloader descriptor", 32, &[0x50, 0, 0]),
    ("no descriptor", 32, &[0, 0, 0, 0]),
];

#[test]
fn verdicts_on_damaged_images_are_esptools() {
    let Some(python) = python() else { return };
    // A fixed seed: the same mutations in every run, so that a failure can be looked at again.
    let config = Config {
        rng_seed: RngSeed::Fixed(0x00C3_E5B0),
        ..Config::default()
    };
    let mut runner = TestRunner::new(config);
    let mut cases = Vec::new();
    let mut requests = Vec::new();
    for fixture in fixtures() {
        let mut add = |what: String, changed: Vec<u8>| {
            requests.push(request(&fixture, &changed));
            let verdict = verify(&changed, Expect::new());
            cases.push((format!("{}, {what}", fixture.name), verdict));
        };
        for _ in 0..MUTATIONS_EACH {
            let mutation = mutations()
                .new_tree(&mut runner)
                .expect("a mutation")
                .current();
            add(format!("{mutation:?}"), mutation.apply(&fixture.bytes));
        }
        for (what, offset, replacement) in DIRECTED {
            let mut changed = fixture.bytes.clone();
            changed[*offset..][..replacement.len()].copy_from_slice(replacement);
            add((*what).to_owned(), changed);
        }
        let mut short = Rebuilt::from(&fixture.bytes);
        short.segments[0].1.truncate(128);
        short.segments[1].1.resize(256, 0);
        short.segments.truncate(2);
        add("a first segment of 128 bytes".to_owned(), short.bytes());
    }
    assert!(cases.len() >= LEAST_MUTATIONS, "{} mutations", cases.len());
    let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for ((what, ours), theirs) in cases.iter().zip(ask(&python, requests)) {
        let code = ours
            .as_ref()
            .map_or_else(|fault| fault.code.as_str(), |_| "sound");
        match compare(ours, &theirs) {
            Ok(known) => {
                *counts
                    .entry((code, known.unwrap_or("same verdict")))
                    .or_default() += 1;
            }
            Err(why) => {
                panic!("{what}: {why}\n  ours: {ours:?}\n  esptool: {theirs}")
            }
        }
    }
    println!("{} mutations", cases.len());
    for (code, _, reason) in DIFFERENCES {
        assert!(
            counts.contains_key(&(code.as_str(), *reason)),
            "{code:?} never differs: drop it"
        );
    }
    for ((code, how), count) in counts {
        println!("{count:6} {code}: {how}");
    }
}
