//! The file in a form, as browsers and ElegantOTA-style clients send it (multipart/form-data, RFC 7578), cut out of the
//! body while it streams.

use alloc::vec::Vec;

use updraft_protocol::ReasonCode;

use crate::failure::Failure;

/// Longest boundary, in bytes (RFC 2046, section 5.1.1).
const MAX_BOUNDARY: usize = 70;

/// Longest line of a part's head, in bytes: a file name of 255 bytes fits.
const MAX_LINE: usize = 512;

/// What the field with the file may be called.
const FIELDS: [&str; 2] = ["file", "firmware"];

/// Where in the body it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In a part, or before the first one. Only the first part with a file is wanted.
    Data { wanted: bool },
    /// Behind a boundary, before the end of its line.
    Boundary,
    /// In a part's head.
    Head { wanted: bool },
    /// Behind the last boundary.
    End,
}

/// Cuts the file out of a form's body, wherever the reads end.
#[derive(Debug)]
pub(crate) struct Splitter {
    /// What ends a part: CR, LF, two hyphens, the boundary.
    delimiter: Vec<u8>,
    /// Bytes of it that were seen last and are neither data nor delimiter yet.
    matched: usize,
    place: Place,
    line: Vec<u8>,
    found: bool,
}

/// Whether this content type is a form's.
pub(crate) fn is_form(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default();
    kind.trim().eq_ignore_ascii_case("multipart/form-data")
}

fn malformed(what: &str) -> Failure {
    Failure::new(
        ReasonCode::ProtocolError,
        format_args!("the form cannot be read: {what}"),
    )
}

/// The value of a parameter in `; name="value"; …`, quoted or not.
fn parameter<'v>(value: &'v str, name: &str) -> Option<&'v str> {
    let mut rest = value.split_once(';')?.1;
    loop {
        let (key, after) = rest.split_once('=')?;
        let (found, next) = match after.trim_start().strip_prefix('"') {
            Some(quoted) => {
                let (found, next) = quoted.split_once('"')?;
                (found, next.split_once(';').map_or("", |(_, next)| next))
            }
            None => match after.split_once(';') {
                Some((found, next)) => (found.trim(), next),
                None => (after.trim(), ""),
            },
        };
        if key.trim().eq_ignore_ascii_case(name) {
            return Some(found);
        }
        rest = next;
    }
}

impl Splitter {
    /// A splitter for a body of this content type.
    pub(crate) fn of(content_type: &str) -> Result<Self, Failure> {
        let boundary = parameter(content_type, "boundary")
            .filter(|found| (1..=MAX_BOUNDARY).contains(&found.len()))
            .ok_or_else(|| malformed("Content-Type names no boundary of 1 to 70 characters"))?;
        let mut delimiter = Vec::from(*b"\r\n--");
        delimiter.extend_from_slice(boundary.as_bytes());
        Ok(Self {
            delimiter,
            // The first boundary may be the body's first line.
            matched: 2,
            place: Place::Data { wanted: false },
            line: Vec::new(),
            found: false,
        })
    }

    /// The next bytes of the file in `input`, which goes on behind them; none when `input` is used up.
    pub(crate) fn next<'s, 'i: 's>(
        &'s mut self,
        input: &mut &'i [u8],
    ) -> Result<Option<&'s [u8]>, Failure> {
        loop {
            let Some((&byte, behind)) = input.split_first() else {
                return Ok(None);
            };
            match self.place {
                Place::End => *input = &[],
                Place::Data { wanted } if self.matched == 0 => {
                    let until = input.iter().position(|&byte| byte == b'\r');
                    let (data, rest) = input.split_at(until.unwrap_or(input.len()));
                    if data.is_empty() {
                        self.matched = 1;
                        *input = behind;
                        continue;
                    }
                    *input = rest;
                    if wanted {
                        return Ok(Some(data));
                    }
                }
                Place::Data { wanted } => {
                    if self.delimiter.get(self.matched) == Some(&byte) {
                        *input = behind;
                        self.matched += 1;
                        if self.matched == self.delimiter.len() {
                            self.matched = 0;
                            self.place = Place::Boundary;
                        }
                        continue;
                    }
                    // It was data after all. A CR is the delimiter's first byte and nowhere else in it, so nothing
                    // of what was held can begin another one.
                    let held = core::mem::take(&mut self.matched);
                    if wanted {
                        return Ok(self.delimiter.get(..held));
                    }
                }
                Place::Boundary | Place::Head { .. } => {
                    *input = behind;
                    self.take_head_byte(byte)?;
                }
            }
        }
    }

    fn take_head_byte(&mut self, byte: u8) -> Result<(), Failure> {
        self.line.push(byte);
        if self.place == Place::Boundary && self.line == b"--" {
            self.place = Place::End;
            return Ok(());
        }
        if self.line.len() > MAX_LINE {
            return Err(malformed(
                "a line of a part's head is longer than 512 bytes",
            ));
        }
        if byte != b'\n' {
            return Ok(());
        }
        let line = core::mem::take(&mut self.line);
        let line = line.trim_ascii();
        match self.place {
            Place::Boundary if !line.is_empty() => {
                return Err(malformed("there is something behind a boundary"));
            }
            Place::Boundary => self.place = Place::Head { wanted: false },
            Place::Head { wanted } if line.is_empty() => {
                let wanted = wanted && !self.found;
                self.found |= wanted;
                self.place = Place::Data { wanted };
            }
            Place::Head { .. } if names_file(line) => self.place = Place::Head { wanted: true },
            _ => {}
        }
        Ok(())
    }

    /// An error unless the form was whole and had a file.
    pub(crate) fn finish(&self) -> Result<(), Failure> {
        if !self.found {
            return Err(malformed("it has no part named file or firmware"));
        }
        if self.place != Place::End {
            return Err(malformed("its last boundary is missing"));
        }
        Ok(())
    }
}

/// Whether this line of a part's head says that the part is the file.
fn names_file(line: &[u8]) -> bool {
    let Some((name, value)) = core::str::from_utf8(line)
        .ok()
        .and_then(|line| line.split_once(':'))
    else {
        return false;
    };
    name.trim().eq_ignore_ascii_case("Content-Disposition")
        && parameter(value, "name").is_some_and(|field| FIELDS.contains(&field))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TYPE: &str = "multipart/form-data; boundary=\"-b-\"";

    /// A form with a field before the file and one behind it.
    fn form(file: &[u8]) -> Vec<u8> {
        [
            b"---b-\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nfile\r\n---b- \r\n\
              Content-Type: a/b\r\ncontent-disposition: form-data; filename=\"name=file;\"; name=firmware\r\n\r\n",
            file,
            b"\r\n---b-\r\nContent-Disposition: form-data; name=file\r\n\r\nsecond\r\n---b---\r\nepilogue\r\n---b-\r\n",
        ]
        .concat()
    }

    fn cut<'p>(pieces: impl IntoIterator<Item = &'p [u8]>) -> Result<Vec<u8>, Failure> {
        let mut splitter = Splitter::of(TYPE)?;
        let mut file = Vec::new();
        for mut piece in pieces {
            while let Some(data) = splitter.next(&mut piece)? {
                assert!(!data.is_empty());
                file.extend_from_slice(data);
            }
        }
        splitter.finish()?;
        Ok(file)
    }

    #[test]
    fn every_split_in_three_gives_the_file() {
        let file = b"\r\n---b\r\r\n---b\n\r-\r\n--\r";
        let body = form(file);
        for second in 0..=body.len() {
            let (head, tail) = body.split_at(second);
            for first in 0..=second {
                let (start, middle) = head.split_at(first);
                let found = cut([start, middle, tail]).expect("a form");
                assert_eq!(found, file, "{first}, {second}");
            }
        }
    }

    #[test]
    fn every_prefix_is_an_error_or_whole() {
        let body = form(b"content");
        let whole = body
            .windows(5)
            .rposition(|five| five == b"-b---")
            .expect("its end")
            + 5;
        for end in 0..body.len() {
            let found = cut([&body[..end]]);
            assert_eq!(found.is_ok(), end >= whole, "{end}: {found:?}");
        }
    }

    #[test]
    fn what_makes_no_form() {
        for bad in [
            "multipart/form-data",
            "multipart/form-data; boundary=",
            "multipart/form-data; boundary=\"x",
        ] {
            assert!(Splitter::of(bad).is_err(), "{bad}");
        }
        let long = alloc::format!("multipart/form-data; boundary={}", "b".repeat(71));
        assert!(Splitter::of(&long).is_err());
        assert!(is_form("Multipart/Form-Data ;boundary=x"));
        assert!(!is_form("application/octet-stream"));
        assert!(cut([&b"---b-x\r\n"[..]]).is_err());
        let mut line = Vec::from(*b"---b-\r\n");
        line.resize(MAX_LINE + 20, b'x');
        assert!(cut([line.as_slice()]).is_err());
    }

    proptest! {
        #[test]
        fn any_file_in_any_reads(
            file in prop::collection::vec(prop::sample::select(b"\r\n-b\0x".as_slice()), 0..400),
            sizes in prop::collection::vec(1_usize..64, 1..20),
        ) {
            // A file with the boundary in it is no form's: the sender chooses another boundary.
            prop_assume!(!file.windows(7).any(|seven| seven == b"\r\n---b-"));
            let body = form(&file);
            let mut rest = body.as_slice();
            let mut pieces = Vec::new();
            for size in sizes.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (piece, behind) = rest.split_at(rest.len().min(*size));
                pieces.push(piece);
                rest = behind;
            }
            prop_assert_eq!(cut(pieces).expect("a form"), file);
        }

        #[test]
        fn anything_at_all_does_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
            let _ = cut(bytes.chunks(97));
        }
    }
}
