//! `updraft partition diff A B`.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::input::Reading;
use super::report::PartitionReport;
use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;
use crate::text::clean;

/// Says which partitions were added, removed or changed, by their names. Ends with exit code 0 whether or not
/// there is a difference; scripts read `same` with --json.
#[derive(Debug, Args)]
pub(crate) struct Diff {
    /// The table before: a CSV, a binary table or a flash image, or - for stdin
    before: PathBuf,
    /// The table after
    after: PathBuf,
    #[command(flatten)]
    reading: Reading,
}

#[derive(Debug, Serialize)]
struct Report {
    /// Whether both tables are the same partitions in the same order.
    same: bool,
    /// Whether only the order differs.
    reordered: bool,
    added: Vec<PartitionReport>,
    removed: Vec<PartitionReport>,
    changed: Vec<Change>,
}

#[derive(Debug, Serialize)]
struct Change {
    label: String,
    before: PartitionReport,
    after: PartitionReport,
}

impl Diff {
    pub(crate) fn run(&self, context: &Context) -> Result<Exit, Failure> {
        let [before, after] = [&self.before, &self.after].map(|path| {
            let table = self.reading.read(path)?.table(path)?;
            let partitions = table.entries().iter().map(PartitionReport::from);
            Ok::<Vec<_>, Failure>(partitions.collect())
        });
        let report = Report::new(&before?, &after?);
        context.output.data(&report, lines)?;
        Ok(Exit::Ok)
    }
}

impl Report {
    fn new(before: &[PartitionReport], after: &[PartitionReport]) -> Self {
        let mut left: Vec<&PartitionReport> = after.iter().collect();
        let mut removed = Vec::new();
        let mut changed = Vec::new();
        for old in before {
            // Of partitions of one name, which a binary table may hold, each is paired once.
            match left.iter().position(|new| new.label == old.label) {
                None => removed.push(old.clone()),
                Some(at) => {
                    let new = left.remove(at);
                    if new != old {
                        changed.push(Change {
                            label: old.label.clone(),
                            before: old.clone(),
                            after: new.clone(),
                        });
                    }
                }
            }
        }
        let added: Vec<_> = left.into_iter().cloned().collect();
        let same_set = added.is_empty() && removed.is_empty() && changed.is_empty();
        Self {
            same: same_set && before == after,
            reordered: same_set && before != after,
            added,
            removed,
            changed,
        }
    }
}

fn lines(report: &Report) -> String {
    if report.same {
        return "the tables are the same\n".to_owned();
    }
    if report.reordered {
        return "the same partitions in another order\n".to_owned();
    }
    let mut text = String::new();
    // Writing to a String cannot fail.
    for partition in &report.removed {
        let _ = writeln!(text, "- {}", whole(partition));
    }
    for partition in &report.added {
        let _ = writeln!(text, "+ {}", whole(partition));
    }
    for change in &report.changed {
        let _ = writeln!(text, "~ {}: {}", clean(&change.label), what(change));
    }
    text
}

fn whole(partition: &PartitionReport) -> String {
    clean(&format!(
        "{}: {}/{}, {:#x} bytes at {:#x}, flags {}",
        partition.label,
        partition.kind,
        partition.subtype,
        partition.size,
        partition.offset,
        partition.flag_words()
    ))
}

/// The fields that differ.
fn what(change: &Change) -> String {
    let Change { before, after, .. } = change;
    let kind = |partition: &PartitionReport| format!("{}/{}", partition.kind, partition.subtype);
    let hex = |number: u32| format!("{number:#x}");
    [
        ("type", kind(before), kind(after)),
        ("offset", hex(before.offset), hex(after.offset)),
        ("size", hex(before.size), hex(after.size)),
        ("flags", before.flag_words(), after.flag_words()),
    ]
    .into_iter()
    .filter(|(_, before, after)| before != after)
    .map(|(name, before, after)| format!("{name} {before} -> {after}"))
    .collect::<Vec<_>>()
    .join(", ")
}
