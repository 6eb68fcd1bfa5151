//! Asking esptool, in one Python process.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value as Json, json};

use super::{Fixture, repository};

/// The interpreter with esptool, or nothing with the reason printed.
///
/// # Panics
/// Under `CI=true`, where a comparison that does not run is a failure.
pub(crate) fn python() -> Option<PathBuf> {
    let output = Command::new(repository().join("scripts/python-tools")).output();
    let why = match output {
        Ok(output) if output.status.success() => {
            return Some(PathBuf::from(
                String::from_utf8_lossy(&output.stdout).trim(),
            ));
        }
        Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        Err(error) => format!("scripts/python-tools did not start: {error}"),
    };
    assert!(
        std::env::var_os("CI").is_none_or(|ci| ci != "true"),
        "no esptool under CI=true: {why}"
    );
    eprintln!("skipped: no esptool to compare with: {why}");
    None
}

/// Asks esptool for its verdict on every request, in one process.
pub(crate) fn ask(python: &Path, requests: Vec<Json>) -> Vec<Json> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/esptool_verdicts.py");
    let mut child = Command::new(python)
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}", python.display()));
    let mut input = child.stdin.take().expect("a pipe");
    let asked = requests.len();
    // Beside the reading, so that neither pipe fills up while the other is waited for.
    let writer = std::thread::spawn(move || {
        for request in requests {
            writeln!(input, "{request}").expect("esptool_verdicts.py reads its input");
        }
    });
    let output = BufReader::new(child.stdout.take().expect("a pipe"));
    let answers: Vec<Json> = output
        .lines()
        .map(|line| serde_json::from_str(&line.expect("text")).expect("JSON"))
        .collect();
    writer.join().expect("all requests written");
    assert!(
        child.wait().expect("an exit status").success(),
        "esptool_verdicts.py failed"
    );
    assert_eq!(answers.len(), asked, "one answer a request");
    answers
}

/// A request for esptool's verdict on `changed`, as differences to the fixture.
pub(crate) fn request(fixture: &Fixture, changed: &[u8]) -> Json {
    const RUN: usize = 16;
    let path = repository().join("fixtures/firmware").join(&fixture.name);
    let mut base = fixture.bytes.clone();
    base.resize(changed.len(), 0);
    let edits: Vec<Json> = base
        .chunks(RUN)
        .zip(changed.chunks(RUN))
        .enumerate()
        .filter(|(_, (old, new))| old != new)
        .map(|(index, (_, new))| json!([index * RUN, hex(new)]))
        .collect();
    json!({ "file": path.to_string_lossy(), "length": changed.len(), "edits": edits })
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
