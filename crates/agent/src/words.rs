//! Words of a server or an app, made fit to be kept and sent on.

use alloc::string::String;

/// At most `limit` bytes of `text`, with spaces for control characters: in JSON those would take six bytes
/// each, so that a short text could outgrow what the flash keeps.
pub(crate) fn plain(text: &str, limit: usize) -> String {
    let mut kept = String::new();
    for found in text.chars() {
        let shown = if found.is_control() { ' ' } else { found };
        if kept.len() + shown.len_utf8() > limit {
            break;
        }
        kept.push(shown);
    }
    kept
}
