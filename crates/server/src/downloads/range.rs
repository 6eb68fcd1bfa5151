use http::HeaderMap;
use http::header::{IF_NONE_MATCH, IF_RANGE, RANGE};

/// What part of a file is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// All of it: no Range, one that cannot be read, several at once, or one whose condition does not hold.
    Whole,
    /// These bytes, the last included.
    Part { first: u64, last: u64 },
    /// Bytes that the file does not have.
    Nothing,
}

/// Reads the Range header (RFC 9110, section 14) for a file of `size` bytes with this entity tag.
pub(super) fn wanted(headers: &HeaderMap, size: u64, etag: &str) -> Wanted {
    let Some(range) = headers.get(RANGE).and_then(|value| value.to_str().ok()) else {
        return Wanted::Whole;
    };
    // A date never matches: what is here is told apart by content alone.
    if let Some(condition) = headers.get(IF_RANGE)
        && condition.as_bytes() != etag.as_bytes()
    {
        return Wanted::Whole;
    }
    parse(range, size).unwrap_or(Wanted::Whole)
}

fn parse(range: &str, size: u64) -> Option<Wanted> {
    let (unit, set) = range.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") || set.contains(',') {
        return None;
    }
    let (first, last) = set.trim().split_once('-')?;
    let (first, last) = (first.trim(), last.trim());
    let end = size.checked_sub(1);
    if first.is_empty() {
        let count = number(last)?;
        return Some(match end {
            Some(end) if count > 0 => Wanted::Part {
                first: size.saturating_sub(count),
                last: end,
            },
            _ => Wanted::Nothing,
        });
    }
    let first = number(first)?;
    let last = if last.is_empty() {
        u64::MAX
    } else {
        number(last)?
    };
    if last < first {
        return None;
    }
    Some(match end {
        Some(end) if first <= end => Wanted::Part {
            first,
            last: last.min(end),
        },
        _ => Wanted::Nothing,
    })
}

/// Digits only: `parse` alone would take a sign. More digits than fit are beyond every file's end.
fn number(text: &str) -> Option<u64> {
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| text.parse().unwrap_or(u64::MAX))
}

/// Whether the client has this content already.
pub(super) fn has_it(headers: &HeaderMap, etag: &str) -> bool {
    headers
        .get_all(IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|tag| tag.trim().trim_start_matches("W/"))
        .any(|tag| tag == etag || tag == "*")
}

#[cfg(test)]
mod tests {
    use super::{Wanted, parse};

    #[test]
    fn ranges_of_ten_bytes() {
        let part = |first, last| Some(Wanted::Part { first, last });
        for (range, wanted) in [
            ("bytes=0-9", part(0, 9)),
            ("bytes=0-99", part(0, 9)),
            ("bytes=3-", part(3, 9)),
            ("bytes=9-9", part(9, 9)),
            ("bytes=-4", part(6, 9)),
            ("bytes=-40", part(0, 9)),
            ("Bytes = 1-2", part(1, 2)),
            ("bytes=0-99999999999999999999999999", part(0, 9)),
            ("bytes=10-", Some(Wanted::Nothing)),
            ("bytes=99999999999999999999999999-", Some(Wanted::Nothing)),
            ("bytes=-0", Some(Wanted::Nothing)),
            ("bytes=5-4", None),
            ("bytes=0-1,3-4", None),
            ("bytes=+1-2", None),
            ("bytes=a-", None),
            ("bytes=", None),
            ("items=0-1", None),
        ] {
            assert_eq!(parse(range, 10), wanted, "{range}");
        }
        assert_eq!(parse("bytes=0-", 0), Some(Wanted::Nothing));
        assert_eq!(parse("bytes=-1", 0), Some(Wanted::Nothing));
    }
}
