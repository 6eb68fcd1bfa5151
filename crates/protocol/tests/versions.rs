//! Which version is newer, and what counts as a version.

use proptest::prelude::*;
use updraft_protocol::version::{MAX_VERSION, is_newer, parse};

#[test]
fn versions_as_devices_and_file_names_write_them() {
    for (text, version) in [
        ("1.2.3", "1.2.3"),
        ("v1.2.3", "1.2.3"),
        ("V1.2.3", "1.2.3"),
        (" 1.2.3 ", "1.2.3"),
        ("1.2", "1.2.0"),
        ("v2", "2.0.0"),
        ("1.2-rc.1", "1.2.0-rc.1"),
        ("0.8.0-watchdog", "0.8.0-watchdog"),
        ("1.2.4-security", "1.2.4-security"),
        ("5.1.2+build.7", "5.1.2+build.7"),
    ] {
        assert_eq!(
            parse(text).map(|v| v.to_string()),
            Ok(version.to_owned()),
            "{text}"
        );
    }
}

#[test]
fn what_is_no_version() {
    let long = format!("1.0.0-{}", "a".repeat(MAX_VERSION));
    for text in [
        "", "v", "nodots.", "1.2.3.4", "1..2", "-1.0.0", "01.2.3", "1.2.x", "latest", "é", &long,
    ] {
        let error = parse(text).expect_err(text).to_string();
        assert!(error.contains("is not a semantic version"), "{error}");
    }
}

#[test]
fn an_error_never_repeats_a_hostile_length() {
    let error = parse(&"9".repeat(100_000))
        .expect_err("too long")
        .to_string();
    assert!(error.len() < 300, "{} bytes", error.len());
}

#[test]
fn precedence_is_semver_s() {
    let ordered = [
        "1.0.0-alpha",
        "1.0.0-alpha.1",
        "1.0.0-beta.2",
        "1.0.0-beta.11",
        "1.0.0-rc.1",
        "1.0.0",
        "1.0.1",
        "1.10.0",
    ];
    for (index, older) in ordered.iter().enumerate() {
        for newer in &ordered[index + 1..] {
            let (older, newer) = (parse(older).unwrap(), parse(newer).unwrap());
            assert!(is_newer(&newer, &older), "{newer} > {older}");
            assert!(!is_newer(&older, &newer), "{older} < {newer}");
        }
    }
}

#[test]
fn build_metadata_makes_nothing_newer() {
    let (plain, built) = (parse("1.0.0").unwrap(), parse("1.0.0+2").unwrap());
    assert!(!is_newer(&built, &plain));
    assert!(!is_newer(&plain, &built));
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in ".{0,80}") {
        if let Ok(version) = parse(&text) {
            prop_assert!(version.to_string().len() <= MAX_VERSION + 4, "padding adds at most .0.0");
        }
    }

    #[test]
    fn newer_is_a_strict_order(a in version(), b in version(), c in version()) {
        prop_assert!(!is_newer(&a, &a));
        prop_assert!(!(is_newer(&a, &b) && is_newer(&b, &a)));
        if is_newer(&a, &b) && is_newer(&b, &c) {
            prop_assert!(is_newer(&a, &c));
        }
    }
}

fn version() -> impl Strategy<Value = semver::Version> {
    let pre = prop_oneof![Just(""), Just("-rc.1"), Just("-rc.2"), Just("-alpha")];
    (0u64..3, 0u64..3, 0u64..3, pre).prop_map(|(major, minor, patch, pre)| {
        parse(&format!("{major}.{minor}.{patch}{pre}")).unwrap()
    })
}
