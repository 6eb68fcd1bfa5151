//! Partitions and findings as the `partition` commands print them.
//!
//! Field names and meanings are stable; fields are added, never renamed. Offsets and sizes are bytes.

use serde::Serialize;
use updraft_flash::partition::{
    Entry, FLAG_ENCRYPTED, FLAG_READONLY, LayoutFault, Rules, Severity,
};

use super::input::Input;
use crate::text::NONE;

/// One partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct PartitionReport {
    pub(super) label: String,
    /// The type's keyword, or its number.
    #[serde(rename = "type")]
    pub(super) kind: String,
    /// The subtype's keyword, or its number.
    pub(super) subtype: String,
    pub(super) type_id: u8,
    pub(super) subtype_id: u8,
    pub(super) offset: u32,
    pub(super) size: u32,
    /// The flags as they lie on flash.
    pub(super) flags: u32,
    pub(super) encrypted: bool,
    pub(super) readonly: bool,
}

impl From<&Entry> for PartitionReport {
    fn from(entry: &Entry) -> Self {
        let (type_id, subtype_id) = entry.kind.to_bytes();
        let words = entry.kind.to_string();
        let (kind, subtype) = words.split_once('/').unwrap_or((&words, ""));
        Self {
            label: entry.label.to_string(),
            kind: kind.to_owned(),
            subtype: subtype.to_owned(),
            type_id,
            subtype_id,
            offset: entry.offset,
            size: entry.size,
            flags: entry.flags,
            encrypted: entry.flags & FLAG_ENCRYPTED != 0,
            readonly: entry.flags & FLAG_READONLY != 0,
        }
    }
}

impl PartitionReport {
    /// The flags in words.
    pub(super) fn flag_words(&self) -> String {
        let known = [(self.encrypted, "encrypted"), (self.readonly, "readonly")];
        let mut words: Vec<String> = known
            .iter()
            .filter(|(set, _)| *set)
            .map(|(_, word)| (*word).to_owned())
            .collect();
        let unknown = self.flags & !(FLAG_ENCRYPTED | FLAG_READONLY);
        if unknown != 0 {
            words.push(format!("{unknown:#x}"));
        }
        if words.is_empty() {
            NONE.to_owned()
        } else {
            words.join(" ")
        }
    }
}

/// One thing that is wrong, or will hurt.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Finding {
    /// `fault` or `warning`.
    pub(super) severity: &'static str,
    pub(super) code: &'static str,
    pub(super) message: String,
    /// The labels of the partitions it is about.
    pub(super) partitions: Vec<String>,
    /// Their lines, in a CSV.
    pub(super) lines: Vec<usize>,
    pub(super) hint: &'static str,
}

impl Finding {
    fn new(input: &Input, fault: &LayoutFault) -> Self {
        let places: Vec<_> = fault
            .entries()
            .filter_map(|index| input.place(index))
            .collect();
        Self {
            severity: fault.severity().name(),
            code: fault.code(),
            message: fault.to_string(),
            lines: places.iter().filter_map(|(_, line)| *line).collect(),
            partitions: places.into_iter().map(|(name, _)| name).collect(),
            hint: fault.hint(),
        }
    }

    /// All that is found in a table, faults first.
    pub(super) fn all(input: &Input, rules: &Rules) -> Vec<Self> {
        input
            .findings(rules)
            .iter()
            .map(|fault| Self::new(input, fault))
            .collect()
    }

    /// Whether the table cannot be used for it.
    pub(super) fn is_fault(&self) -> bool {
        self.severity == Severity::Fault.name()
    }

    /// The finding behind the partitions it is about: `otadata (line 6): ...`.
    pub(super) fn sentence(&self) -> String {
        let mut lines = self.lines.iter();
        let places: Vec<String> = self
            .partitions
            .iter()
            .map(|name| match lines.next() {
                Some(line) => format!("{name} (line {line})"),
                None => name.clone(),
            })
            .collect();
        if places.is_empty() {
            self.message.clone()
        } else {
            format!("{}: {}", places.join(", "), self.message)
        }
    }
}
