//! Lengths of time as people write them: `90`, `90s`, `5m`, `1h 30m`.

use std::str::FromStr;
use std::time::Duration;

/// A length of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span(pub(crate) Duration);

/// The text is not a length of time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is not a length of time: write seconds, or 500ms, 90s, 5m, 1h 30m")]
pub(crate) struct SpanError {
    found: String,
}

impl FromStr for Span {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, SpanError> {
        let seconds = text.trim().parse().map(Duration::from_secs);
        seconds
            .or_else(|_| humantime::parse_duration(text))
            .map(Self)
            .map_err(|_| SpanError { found: text.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_the_unit_that_needs_no_name() {
        for (text, millis) in [
            ("90", 90_000),
            ("500ms", 500),
            ("5m", 300_000),
            ("1h 30m", 5_400_000),
        ] {
            assert_eq!(
                text.parse(),
                Ok(Span(Duration::from_millis(millis))),
                "{text}"
            );
        }
        for text in ["", "-1", "soon", "5 parsecs"] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
    }
}
