//! Subtypes of a project's own.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::super::keywords;

/// Names a project has for subtypes of its own, as the `idf_build` property
/// `EXTRA_PARTITION_SUBTYPES` and `gen_esp32part.py --extra-partition-subtypes` take them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExtraSubtypes {
    /// Type, name in lower case, subtype.
    known: Vec<(u8, String, u8)>,
}

/// Why a subtype cannot be added.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SubtypeError {
    /// The text is not type, name and hexadecimal value with commas between them.
    Malformed {
        /// The text.
        found: String,
    },
    /// The type is none of the four that have names.
    UnknownType {
        /// What stands there.
        found: String,
    },
    /// Another name of this type has the value.
    Duplicate {
        /// The value.
        subtype: u8,
        /// The new name.
        name: String,
    },
}

impl SubtypeError {
    /// Stable name of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "subtype_malformed",
            Self::UnknownType { .. } => "subtype_unknown_type",
            Self::Duplicate { .. } => "subtype_duplicate",
        }
    }
}

impl fmt::Display for SubtypeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed { found } => write!(
                f,
                "{found:?} is not a subtype; write type, name, hexadecimal value: data, assets, 0x41"
            ),
            Self::UnknownType { found } => write!(
                f,
                "{found:?} is not a type; write app, data, bootloader or partition_table"
            ),
            Self::Duplicate { subtype, name } => write!(
                f,
                "subtype {subtype:#04x} of {name:?} has a name already; choose another value"
            ),
        }
    }
}

impl core::error::Error for SubtypeError {}

impl ExtraSubtypes {
    /// None.
    pub const fn new() -> Self {
        Self { known: Vec::new() }
    }

    /// Adds one, written `data, assets, 0x41`. The value is hexadecimal with or without `0x`.
    pub fn add(&mut self, text: &str) -> Result<(), SubtypeError> {
        let malformed = || SubtypeError::Malformed {
            found: String::from(text),
        };
        let mut fields = text.split(',').map(str::trim);
        let (Some(type_name), Some(name), Some(value), None) =
            (fields.next(), fields.next(), fields.next(), fields.next())
        else {
            return Err(malformed());
        };
        let type_byte = keywords::type_named(&type_name.to_lowercase()).ok_or_else(|| {
            SubtypeError::UnknownType {
                found: String::from(type_name),
            }
        })?;
        let digits = value
            .strip_prefix("0x")
            .or_else(|| value.strip_prefix("0X"))
            .unwrap_or(value);
        let subtype = u8::from_str_radix(digits, 16).map_err(|_| malformed())?;
        if name.is_empty() || digits.starts_with('+') {
            return Err(malformed());
        }
        if self.name(type_byte, subtype).is_some() {
            return Err(SubtypeError::Duplicate {
                subtype,
                name: String::from(name),
            });
        }
        self.known.push((type_byte, name.to_lowercase(), subtype));
        Ok(())
    }

    /// The name of a subtype, ESP-IDF's own or an added one.
    pub(super) fn name(&self, type_byte: u8, subtype: u8) -> Option<&str> {
        keywords::subtype_name(type_byte, subtype).or_else(|| {
            self.known
                .iter()
                .find(|(of, _, value)| (*of, *value) == (type_byte, subtype))
                .map(|(_, name, _)| name.as_str())
        })
    }

    /// The value of an added name, which is in lower case.
    pub(super) fn find(&self, type_byte: u8, name: &str) -> Option<u8> {
        self.known
            .iter()
            .find(|(of, known, _)| *of == type_byte && known == name)
            .map(|(_, _, value)| *value)
    }
}
