use core::fmt;

use updraft_flash::nvs::{Kind, NvsError};

use super::{Rule, Setting};

/// A setting's value that cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConfigFault {
    /// The setting.
    pub setting: Setting,
    pub(super) what: What,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// The value is not as the rule says.
    Rule(Rule),
    /// NVS holds another type under this key.
    Type(Kind),
    /// NVS holds something that cannot be read.
    Unreadable,
}

impl ConfigFault {
    /// A stable word for machines: `config_value`, `config_type` or `config_unreadable`.
    pub const fn code(&self) -> &'static str {
        match self.what {
            What::Rule(_) => "config_value",
            What::Type(_) => "config_type",
            What::Unreadable => "config_unreadable",
        }
    }

    pub(super) fn of_nvs<E>(setting: Setting, error: &NvsError<E>) -> Self {
        let what = match error {
            NvsError::WrongType { found } => What::Type(*found),
            // Longer than the buffer, and so than the rule has it.
            NvsError::BufferTooSmall { .. } => What::Rule(setting.rule()),
            _ => What::Unreadable,
        };
        Self { setting, what }
    }
}

impl fmt::Display for ConfigFault {
    /// Never with the value, which may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = self.setting.key();
        match self.what {
            What::Rule(rule) => write!(f, "{key} must be {rule}"),
            What::Type(found) => {
                let wanted = match self.setting.rule() {
                    Rule::Seconds { .. } => "u32",
                    _ => "string",
                };
                write!(f, "{key} is stored as {found:?}; store it as {wanted}")
            }
            What::Unreadable => write!(f, "{key} cannot be read from NVS; write it again"),
        }
    }
}

impl core::error::Error for ConfigFault {}
