//! From bytes to lines: encodings, line ends, variables.

use alloc::string::String;
use alloc::vec::Vec;

use super::{CsvError, CsvFault};

/// The text of a file: UTF-8, or what its byte order mark says.
pub(super) fn decode(bytes: &[u8]) -> Result<String, CsvError> {
    const UTF_32_LE: &[u8] = b"\xFF\xFE\0\0";
    const UTF_32_BE: &[u8] = b"\0\0\xFE\xFF";
    const UTF_16_LE: &[u8] = b"\xFF\xFE";
    const UTF_16_BE: &[u8] = b"\xFE\xFF";
    const UTF_8: &[u8] = b"\xEF\xBB\xBF";
    // UTF-32 first: its little-endian mark begins as that of UTF-16 does.
    let (text, encoding) = if let Some(rest) = bytes.strip_prefix(UTF_32_LE) {
        (utf_32(rest, u32::from_le_bytes), "UTF-32")
    } else if let Some(rest) = bytes.strip_prefix(UTF_32_BE) {
        (utf_32(rest, u32::from_be_bytes), "UTF-32")
    } else if let Some(rest) = bytes.strip_prefix(UTF_16_LE) {
        (utf_16(rest, u16::from_le_bytes), "UTF-16")
    } else if let Some(rest) = bytes.strip_prefix(UTF_16_BE) {
        (utf_16(rest, u16::from_be_bytes), "UTF-16")
    } else {
        let rest = bytes.strip_prefix(UTF_8).unwrap_or(bytes);
        (core::str::from_utf8(rest).ok().map(String::from), "UTF-8")
    };
    text.ok_or(CsvError {
        line: None,
        fault: CsvFault::NotText { encoding },
    })
}

fn utf_32(bytes: &[u8], word: fn([u8; 4]) -> u32) -> Option<String> {
    let (words, rest) = bytes.as_chunks::<4>();
    let text = words.iter().map(|&bytes| char::from_u32(word(bytes)));
    text.collect::<Option<_>>().filter(|_| rest.is_empty())
}

fn utf_16(bytes: &[u8], word: fn([u8; 2]) -> u16) -> Option<String> {
    let (words, rest) = bytes.as_chunks::<2>();
    let words: Vec<u16> = words.iter().map(|&bytes| word(bytes)).collect();
    String::from_utf16(&words).ok().filter(|_| rest.is_empty())
}

/// The lines of a text, ended by whatever ends a line in Python: that is what the numbers of lines
/// people see are counted by.
pub(super) fn split(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    core::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = rest.find(ends_line).unwrap_or(rest.len());
        let (line, tail) = rest.split_at(end);
        let mut after = tail.chars();
        after.next();
        rest = tail.strip_prefix("\r\n").unwrap_or(after.as_str());
        Some(line)
    })
}

/// Whether a character ends a line in Python.
pub(super) const fn ends_line(character: char) -> bool {
    matches!(
        character,
        '\n' | '\r' | '\x0B' | '\x0C' | '\x1C'..='\x1E' | '\u{85}' | '\u{2028}' | '\u{2029}'
    )
}

/// The line with each `$NAME` and `${NAME}` replaced. Comments are left alone.
pub(super) fn expand(
    line: &str,
    variables: &dyn Fn(&str) -> Option<String>,
) -> Result<String, CsvFault> {
    if line.starts_with('#') {
        return Ok(String::from(line));
    }
    let mut text = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('$') {
        text.push_str(before);
        let Some((name, tail)) = variable(after) else {
            // A dollar before nothing that could be a name stays one.
            text.push('$');
            rest = after;
            continue;
        };
        let value = variables(name).ok_or_else(|| CsvFault::UnknownVariable {
            name: String::from(name),
        })?;
        text.push_str(&value);
        rest = tail;
    }
    text.push_str(rest);
    Ok(text)
}

/// The name after a dollar, and what follows it.
fn variable(after: &str) -> Option<(&str, &str)> {
    if let Some(braced) = after.strip_prefix('{') {
        return braced.split_once('}');
    }
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let end = after.find(|c| !word(c)).unwrap_or(after.len());
    (end > 0).then(|| after.split_at(end))
}
