//! Small ways of writing things: sizes, times, and strings that others chose.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What a value that is not there looks like in a table.
pub(crate) const NONE: &str = "-";

/// Strings from images, devices and servers may hold anything, escape sequences for the terminal included:
/// control characters are shown, not sent.
pub(crate) fn clean(text: &str) -> String {
    text.chars()
        .flat_map(|c| {
            let escaped = c.is_control().then(|| c.escape_default());
            let plain = escaped.is_none().then_some(c);
            escaped.into_iter().flatten().chain(plain)
        })
        .collect()
}

/// A size in bytes, and in KiB or MiB once that is shorter to read.
pub(crate) fn size(bytes: u32) -> String {
    format!("{} ({bytes} bytes)", short_size(u64::from(bytes)))
}

/// A size in the largest binary unit that leaves a number of at least one, with at most two decimals, which
/// are cut, not rounded: what is shown is never more than what is there.
pub(crate) fn short_size(bytes: u64) -> String {
    const KIB: u64 = 1024;
    const MIB: u64 = 1024 * KIB;
    let (unit, name) = match bytes {
        0..KIB => return format!("{bytes} B"),
        KIB..MIB => (KIB, "KiB"),
        _ => (MIB, "MiB"),
    };
    let whole = bytes / unit;
    match bytes % unit * 100 / unit {
        0 => format!("{whole} {name}"),
        part if part % 10 == 0 => format!("{whole}.{} {name}", part / 10),
        part => format!("{whole}.{part:02} {name}"),
    }
}

/// A Unix time as RFC 3339 in UTC.
pub(crate) fn instant(seconds: i64) -> String {
    u64::try_from(seconds)
        .ok()
        .and_then(|seconds| UNIX_EPOCH.checked_add(Duration::from_secs(seconds)))
        // Beyond the year 9999 the format has no digits left and would panic.
        .filter(|_| seconds < 253_402_300_800)
        .map_or_else(
            || format!("{seconds} s after 1970"),
            |time| humantime::format_rfc3339_seconds(time).to_string(),
        )
}

/// How long ago a Unix time was, in its largest unit.
pub(crate) fn ago(seconds: i64) -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs().cast_signed());
    match now.saturating_sub(seconds) {
        // Clocks differ by a little; a device seen in the future was seen now.
        ..5 => "now".to_owned(),
        age @ 5..120 => format!("{age} s ago"),
        age @ 120..7_200 => format!("{} min ago", age / 60),
        age @ 7_200..172_800 => format!("{} h ago", age / 3_600),
        age => format!("{} d ago", age / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_shown() {
        assert_eq!(clean("v1\u{1b}[31m\n"), "v1\\u{1b}[31m\\n");
        assert_eq!(clean("für alle ✓"), "für alle ✓");
    }

    #[test]
    fn sizes_are_short() {
        assert_eq!(short_size(1023), "1023 B");
        assert_eq!(short_size(1536), "1.5 KiB");
        assert_eq!(short_size(1024 + 11), "1.01 KiB");
        assert_eq!(short_size(1280 * 1024), "1.25 MiB");
        assert_eq!(size(2 * 1024 * 1024), "2 MiB (2097152 bytes)");
    }

    #[test]
    fn instants_never_panic() {
        assert_eq!(instant(0), "1970-01-01T00:00:00Z");
        assert_eq!(instant(-1), "-1 s after 1970");
        assert_eq!(instant(i64::MAX), format!("{} s after 1970", i64::MAX));
        assert_eq!(instant(253_402_300_799), "9999-12-31T23:59:59Z");
    }
}
