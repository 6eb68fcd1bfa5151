//! All of ESP-IDF's vectors agree.

use std::io::Read;
use std::path::PathBuf;

use updraft_virtual_device::conformance::{VectorError, run_all};

/// How many cases there are: fewer would mean that the wrong file was read.
const CASES: usize = 3000;

/// The vectors: those the environment names, those beside the workspace, or the copy kept here.
fn vectors() -> Vec<u8> {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let beside = here.join("../../../shared/vectors/otadata.json");
    let given = std::env::var_os("UPDRAFT_VECTORS").map(PathBuf::from);
    if let Some(path) = given.or_else(|| beside.exists().then_some(beside)) {
        return std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
    kept_copy()
}

fn kept_copy() -> Vec<u8> {
    let packed = include_bytes!("vectors/otadata.json.gz");
    let mut json = Vec::new();
    flate2::read::GzDecoder::new(&packed[..])
        .read_to_end(&mut json)
        .unwrap();
    json
}

#[test]
fn every_vector_agrees() {
    let report = run_all(&vectors()).unwrap();
    for difference in report.differences.iter().take(3) {
        eprintln!("{difference}");
    }
    assert_eq!((report.agree(), report.total), (CASES, CASES));
}

#[test]
fn the_kept_copy_is_the_same() {
    assert!(
        vectors() == kept_copy(),
        "tests/vectors/otadata.json.gz is out of date"
    );
}

#[test]
fn a_wrong_expectation_is_a_difference() {
    let text = String::from_utf8(kept_copy()).unwrap();
    let mut cases: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
    cases.truncate(4);
    cases[1]["expect"]["otadata"][0] = "00".repeat(32).into();
    cases[2]["expect"]["efuse_secure_version"] = 99.into();
    let report = run_all(&serde_json::to_vec(&cases).unwrap()).unwrap();
    let differing: Vec<_> = report.differences.iter().map(|d| d.index).collect();
    assert_eq!(differing, [1, 2]);
    assert!(report.differences[0].to_string().contains("record 0"));
}

#[test]
fn files_that_are_no_vectors_are_refused() {
    assert!(matches!(run_all(b"{}"), Err(VectorError::Json(_))));
    let text = String::from_utf8(kept_copy()).unwrap();
    let mut cases: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
    cases.truncate(1);
    cases[0]["otadata"][0] = "short".into();
    let refused = run_all(&serde_json::to_vec(&cases).unwrap()).unwrap_err();
    assert_eq!(refused.code(), "vectors_bad_case");
}
