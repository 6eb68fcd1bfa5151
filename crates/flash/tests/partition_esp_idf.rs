//! Thousands of tables, sound and spoilt, given to the rules of ESP-IDF's own `gen_esp32part.py` and
//! to ours: what is taken is the same bytes and prints the same, what is refused is refused for the
//! same reason.

mod partition_cases;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use partition_cases::Case;
use updraft_flash::partition::csv::{self, ExtraSubtypes, Options};
use updraft_flash::partition::{LayoutFault, Rules, SecureBoot, Severity, Table};

/// How many tables are compared.
const CASES: usize = 8000;

/// The Python with the rules in it; `None` where there is none, which only CI does not accept.
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

/// What ESP-IDF's rules say.
#[derive(Debug)]
enum Theirs {
    /// The table, and what it prints.
    Taken(Vec<u8>, String),
    /// An error of theirs.
    Refused(String),
    /// Python's own error, such as a number too large for its field.
    Crashed(String),
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

fn ask(python: &Path, cases: &[Case]) -> Vec<Theirs> {
    let folder = tempfile::tempdir().unwrap();
    let [questions, answers] = ["cases", "answers"].map(|name| folder.path().join(name));
    let lines: Vec<String> = cases.iter().map(Case::line).collect();
    std::fs::write(&questions, lines.join("\n")).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/partition_rules.py");
    let output = Command::new(python)
        .args([&script, &questions, &answers])
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = |hex: &str| String::from_utf8(unhex(hex)).unwrap();
    std::fs::read_to_string(answers)
        .unwrap()
        .lines()
        .map(|line| match line.split(' ').collect::<Vec<_>>()[..] {
            ["ok", binary, printed] => Theirs::Taken(unhex(binary), text(printed)),
            ["refused", message] => Theirs::Refused(text(message)),
            ["crashed", message] => Theirs::Crashed(text(message)),
            _ => panic!("{line}"),
        })
        .collect()
}

/// What ours say: the table and what it prints, or the codes of all that is wrong with it.
fn ours(case: &Case) -> Result<(Vec<u8>, String), Vec<&'static str>> {
    let options = Options {
        table_offset: case.table_offset,
        primary_bootloader: case.primary_bootloader,
        recovery_bootloader: case.recovery_bootloader,
        variables: &|name| (name == "SLOT").then(|| "64K".to_owned()),
        ..Options::default()
    };
    let rules = Rules {
        table_offset: case.table_offset,
        flash_size: case.flash_size,
        secure_boot: case.secure_boot,
    };
    let mut faults = Vec::new();
    let mut note = |fault: LayoutFault| {
        if fault.severity() == Severity::Fault {
            faults.push(fault.code());
        }
    };
    let table = if case.is_csv {
        let definitions =
            csv::parse(&case.bytes, &options).map_err(|error| vec![error.fault.code()])?;
        definitions.inspect(&rules, &mut note);
        definitions.table()
    } else {
        let table = Table::parse(&case.bytes).map_err(|fault| vec![fault.code()])?;
        table.inspect(&rules, &mut note);
        Ok(table.with_md5(true))
    };
    if !faults.is_empty() {
        return Err(faults);
    }
    let table = table.unwrap();
    let printed = csv::print(&table, &ExtraSubtypes::new()).unwrap();
    Ok((table.to_bytes().to_vec(), printed))
}

/// The code of ours for each message of theirs.
const REASONS: [(&str, &str); 28] = [
    ("unknown variable", "csv_unknown_variable"),
    ("Field 'type' can't be left empty", "csv_no_type"),
    ("cannot have an empty subtype", "csv_no_subtype"),
    ("Size field can't be empty", "csv_no_size"),
    ("unknown flag", "csv_unknown_flag"),
    ("Invalid field value", "csv_not_a_number"),
    ("is not valid. Known keywords", "csv_unknown_keyword"),
    (
        "Primary bootloader offset is not provided",
        "csv_no_primary_bootloader",
    ),
    (
        "Recovery bootloader offset is not provided",
        "csv_no_recovery_bootloader",
    ),
    ("But partition table occupies", "csv_on_table"),
    ("Previous partition ends", "csv_overlap"),
    ("Offset 0x", "partition_not_aligned"),
    ("Size 0x", "partition_uneven_size"),
    ("cannot be read-only", "partition_must_be_writable"),
    ("must be flagged as 'readonly'", "partition_nvs_too_small"),
    (
        "Partition names must be unique",
        "partition_duplicate_label",
    ),
    ("is below 0x", "partition_on_table"),
    ("overlaps 0x", "partition_overlap"),
    ("Found multiple otadata", "partition_duplicate_otadata"),
    ("otadata partition must have size", "partition_otadata_size"),
    ("Found multiple TEE otadata", "partition_duplicate_otadata"),
    ("TEE otadata partition must have", "partition_otadata_size"),
    ("does not fit in available flash", "partition_outside_flash"),
    ("longer than max", "partition_too_many"),
    ("must be a multiple of 32", "partition_table_cut"),
    ("MD5 checksums don't match", "partition_md5_mismatch"),
    ("missing an end-of-table marker", "partition_no_end_marker"),
    ("Invalid magic bytes", "partition_bad_magic"),
];

/// Faults we find and they do not look for, or not everywhere: the only ones that may stand alone.
const STRICTER: [&str; 2] = ["csv_unknown_variable", "partition_bootloader_over_table"];

/// Errors of ours where theirs fail later, on something else or with an error of Python's.
const EARLIER: [&str; 2] = ["csv_out_of_range", "csv_ends_before_it_begins"];

#[test]
fn tables_are_taken_and_refused_as_esp_idf_does() {
    let Some(python) = python() else { return };
    let cases = partition_cases::generate(CASES);
    let answers = ask(&python, &cases);
    assert_eq!(answers.len(), cases.len());
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for (case, theirs) in cases.iter().zip(answers) {
        let counted = match (ours(case), theirs) {
            (Ok((binary, printed)), Theirs::Taken(their_binary, their_printed)) => {
                assert!(binary == their_binary, "{case}");
                assert_eq!(printed, their_printed, "{case}");
                "taken".to_owned()
            }
            (Ok(_), theirs) => panic!("{case}\nours: taken\ntheirs: {theirs:?}"),
            (Err(codes), Theirs::Taken(..)) => {
                assert!(
                    codes.iter().all(|code| STRICTER.contains(code)),
                    "{case}\nours: {codes:?}\ntheirs: taken"
                );
                format!("{} (ours alone)", codes[0])
            }
            (Err(codes), Theirs::Refused(message)) => {
                let (_, code) = REASONS
                    .iter()
                    .find(|(words, _)| message.contains(words))
                    .unwrap_or_else(|| panic!("{case}\ntheirs: {message}"));
                let early = STRICTER.contains(&codes[0]) || EARLIER.contains(&codes[0]);
                assert!(
                    codes.contains(code) || early,
                    "{case}\nours: {codes:?}\ntheirs: {message}"
                );
                (*code).to_owned()
            }
            (Err(codes), Theirs::Crashed(message)) => {
                assert!(
                    EARLIER.contains(&codes[0])
                        || STRICTER.contains(&codes[0])
                        || message.starts_with("UnicodeDecodeError"),
                    "{case}\nours: {codes:?}\ntheirs: {message}"
                );
                format!("{} (theirs crash)", codes[0])
            }
        };
        *counts.entry(counted).or_default() += 1;
    }
    println!("{CASES} tables compared with ESP-IDF's rules:");
    for (what, count) in &counts {
        println!("{count:>6} {what}");
    }
    assert!(counts["taken"] > CASES / 5, "{counts:?}");
    // Every reason was met, so none of the rules went untried.
    for (words, code) in REASONS {
        assert!(counts.contains_key(code), "{words}: {code} never happened");
    }
}

#[test]
fn the_firmwares_tables_are_sound_to_esp_idf() {
    let Some(python) = python() else { return };
    let cases = [
        ("4mb-two-slots", 4 << 20),
        ("4mb-factory", 4 << 20),
        ("8mb-two-slots-www", 8 << 20),
        ("16mb-three-slots-www", 16 << 20),
    ]
    .map(|(name, size)| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../firmware/partitions");
        Case {
            is_csv: true,
            bytes: std::fs::read(folder.join(format!("{name}.csv"))).unwrap(),
            table_offset: updraft_flash::partition::TABLE_OFFSET,
            primary_bootloader: None,
            recovery_bootloader: None,
            secure_boot: SecureBoot::V2,
            flash_size: Some(size),
        }
    });
    for (case, theirs) in cases.iter().zip(ask(&python, &cases)) {
        let Theirs::Taken(their_binary, _) = theirs else {
            panic!("{case}\n{theirs:?}");
        };
        assert!(ours(case).unwrap().0 == their_binary, "{case}");
    }
}
