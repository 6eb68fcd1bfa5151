//! `updraft image info` on real images.

mod support;

use support::{Updraft, fixture, fixture_bytes, json};

#[test]
fn table_of_a_real_image() {
    let run = Updraft::new().run(&["image", "info", &fixture("updraft-c3-1.1.0.bin")]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(run.stderr, "");
    insta::assert_snapshot!(run.stdout);
}

#[test]
fn json_of_a_real_image() {
    let folder = support::repository().join("fixtures/firmware");
    let run =
        Updraft::new()
            .folder(&folder)
            .run(&["image", "info", "updraft-c6-1.0.0.bin", "--json"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(run.stderr, "");
    insta::assert_snapshot!(run.stdout);
}

#[test]
fn every_fixture_has_the_digest_in_the_list() {
    let list = std::fs::read_to_string(fixture("SHA256SUMS")).unwrap();
    assert!(list.lines().count() >= 3, "{list}");
    for line in list.lines() {
        let (digest, name) = line.split_once("  ").unwrap();
        let run = Updraft::new().run(&["image", "info", "--json", &fixture(name)]);
        assert_eq!(
            json(&run.stdout)["contents"]["file_sha256"],
            digest,
            "{name}"
        );
    }
}

#[test]
fn stdin_gives_what_the_file_gives() {
    let bytes = fixture_bytes("updraft-c3-1.0.0.bin");
    let piped = Updraft::new().stdin(&bytes).run(&["image", "info", "-"]);
    let read = Updraft::new().run(&["image", "info", &fixture("updraft-c3-1.0.0.bin")]);
    assert_eq!(piped.stdout, read.stdout);
    assert_eq!(piped.code, 0);
}

#[test]
fn faulty_image_shows_what_is_there_and_then_the_fault() {
    let mut bytes = fixture_bytes("updraft-c3-1.0.0.bin");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let run = Updraft::new()
        .stdin(&bytes)
        .run(&["image", "info", "--json", "-"]);
    assert_eq!(run.code, 6);
    let shown = json(&run.stdout);
    assert_eq!(shown["valid"], false);
    assert_eq!(shown["app"]["version"], "1.0.0");
    assert_eq!(shown["contents"], serde_json::Value::Null);
    let error = &json(&run.stderr)["error"];
    assert_eq!(error["code"], shown["fault"]["code"]);
    assert_eq!(error["offset"], shown["fault"]["offset"]);
}
