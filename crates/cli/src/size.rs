//! Sizes as people write them: `2097152`, `2048K`, `2M`.

use std::str::FromStr;

/// A size in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size(pub(crate) u32);

/// The text is not a size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{found:?} is not a size: write bytes, or K or M behind the number, such as 1280K or 2M, up to 4095M"
)]
pub(crate) struct SizeError {
    found: String,
}

impl FromStr for Size {
    type Err = SizeError;

    fn from_str(text: &str) -> Result<Self, SizeError> {
        let error = || SizeError { found: text.into() };
        let lower = text.trim().to_ascii_lowercase();
        // `2M`, `2MB` and `2MiB` all mean 2 * 1024 * 1024 here, as they do to esptool and partition tables.
        let bare = lower
            .strip_suffix("ib")
            .or_else(|| lower.strip_suffix('b'))
            .unwrap_or(&lower);
        let (digits, unit) = match bare.strip_suffix(['k', 'm']) {
            Some(digits) if bare.ends_with('k') => (digits, 1024),
            Some(digits) => (digits, 1024 * 1024),
            None => (bare, 1),
        };
        let number = match digits.strip_prefix("0x") {
            Some(hex) => u32::from_str_radix(hex, 16),
            None => digits.trim_end().parse(),
        };
        number
            .ok()
            .and_then(|number| number.checked_mul(unit))
            .map(Self)
            .ok_or_else(error)
    }
}

/// A size in bytes that may go beyond [`Size`], such as that of a cache: `500M`, `2G`, `2GiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LargeSize(pub(crate) u64);

impl FromStr for LargeSize {
    type Err = SizeError;

    fn from_str(text: &str) -> Result<Self, SizeError> {
        let lower = text.trim().to_ascii_lowercase();
        let gigabytes = ["gib", "gb", "g"]
            .iter()
            .find_map(|unit| lower.strip_suffix(unit));
        let Some(digits) = gigabytes else {
            return text.parse().map(|Size(bytes)| Self(u64::from(bytes)));
        };
        let number: Option<u64> = digits.trim_end().parse().ok();
        number
            .and_then(|number| number.checked_mul(1 << 30))
            .map(Self)
            .ok_or_else(|| SizeError { found: text.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_binary() {
        for (text, bytes) in [
            ("0", 0),
            ("1", 1),
            ("1280K", 1280 * 1024),
            ("2m", 2 << 20),
            ("2 MiB", 2 << 20),
            ("2MB", 2 << 20),
            ("0x200000", 2 << 20),
            ("4095M", 4095 << 20),
        ] {
            assert_eq!(text.parse(), Ok(Size(bytes)), "{text}");
        }
    }

    #[test]
    fn large_sizes_go_on_where_the_others_end() {
        for (text, bytes) in [
            ("2G", 2 << 30),
            ("2 GiB", 2 << 30),
            ("500M", 500 << 20),
            ("1000", 1000),
        ] {
            assert_eq!(text.parse(), Ok(LargeSize(bytes)), "{text}");
        }
        for text in ["G", "-1G", "1.5G", "99999999999G", "4096M"] {
            assert!(text.parse::<LargeSize>().is_err(), "{text}");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for text in ["", "M", "-1", "1.5M", "4096M", "2G", "two", "2 0", "+"] {
            assert!(text.parse::<Size>().is_err(), "{text}");
        }
    }
}
