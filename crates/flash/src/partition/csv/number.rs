//! Numbers as Python's `int(text, 0)` reads them, with K and M behind.

/// Why a text is no number to go on with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotNumber {
    /// It is not written as one.
    NotANumber,
    /// It is one, past all that could be meant.
    TooLarge,
}

/// Reads a number; what is none is looked up with `keyword`, the suffixes taken off.
///
/// `1K` is 1024 and `1M` 1024 × 1024, and so on as often as there are suffixes.
pub(super) fn read(text: &str, keyword: &dyn Fn(&str) -> Option<u8>) -> Result<i64, NotNumber> {
    let mut digits = text;
    let mut unit: i64 = 1;
    loop {
        let (rest, factor) = if let Some(rest) = digits.strip_suffix(['k', 'K']) {
            (rest, 1 << 10)
        } else if let Some(rest) = digits.strip_suffix(['m', 'M']) {
            (rest, 1 << 20)
        } else {
            break;
        };
        digits = rest;
        // 0 stays 0 however large the unit.
        unit = unit.saturating_mul(factor);
    }
    let value = match integer(digits) {
        Err(NotNumber::NotANumber) => keyword(digits)
            .map(i64::from)
            .ok_or(NotNumber::NotANumber)?,
        other => other?,
    };
    value.checked_mul(unit).ok_or(NotNumber::TooLarge)
}

/// Python's `int(text, 0)`: a sign, then 0x, 0o, 0b or decimal digits; single underscores between
/// digits and behind a prefix; no zeros before other decimal digits.
fn integer(text: &str) -> Result<i64, NotNumber> {
    let text = text.trim();
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let prefixed = |lower, upper| {
        unsigned
            .strip_prefix('0')
            .and_then(|rest| rest.strip_prefix([lower, upper]))
    };
    let (radix, digits) = if let Some(digits) = prefixed('x', 'X') {
        (16, digits)
    } else if let Some(digits) = prefixed('o', 'O') {
        (8, digits)
    } else if let Some(digits) = prefixed('b', 'B') {
        (2, digits)
    } else {
        (10, unsigned)
    };
    let digits = if radix == 10 {
        digits
    } else {
        digits.strip_prefix('_').unwrap_or(digits)
    };
    let mut value: i64 = 0;
    let mut too_large = false;
    for group in digits.split('_') {
        if group.is_empty() {
            return Err(NotNumber::NotANumber);
        }
        for character in group.chars() {
            let digit = character.to_digit(radix).ok_or(NotNumber::NotANumber)?;
            let next = value
                .checked_mul(i64::from(radix))
                .and_then(|value| value.checked_add(i64::from(digit)));
            too_large |= next.is_none();
            value = next.unwrap_or(i64::MAX);
        }
    }
    if radix == 10 && digits.starts_with('0') && value != 0 {
        return Err(NotNumber::NotANumber);
    }
    if too_large {
        return Err(NotNumber::TooLarge);
    }
    Ok(if negative { -value } else { value })
}
