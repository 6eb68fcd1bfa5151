use alloc::string::String;
use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a token's holder may do. Each role from viewer on includes those before it, but not the relay's. Devices have
/// tokens of their own kind, which are no role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// A relay: takes snapshots and release files, and tells what devices said to it. Nothing else.
    Relay,
    /// Looks at everything, changes nothing.
    Viewer,
    /// Publishes releases.
    Publisher,
    /// Changes what devices get: status, channels, blocks, device types, devices.
    Operator,
    /// Issues and revokes tokens.
    Admin,
}

impl Role {
    /// Every role, the least first.
    pub const ALL: &[Self] = &[
        Self::Relay,
        Self::Viewer,
        Self::Publisher,
        Self::Operator,
        Self::Admin,
    ];

    /// The role as it is written on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Relay => "relay",
            Self::Viewer => "viewer",
            Self::Publisher => "publisher",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is not a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownRole;

impl fmt::Display for UnknownRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a role is one of relay, viewer, publisher, operator, admin")
    }
}

impl core::error::Error for UnknownRole {}

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        Self::ALL
            .iter()
            .copied()
            .find(|role| role.as_str() == text)
            .ok_or(UnknownRole)
    }
}

/// A token to be issued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// Who or what it is for; appears in the audit record.
    pub name: String,
    /// What its holder may do.
    pub role: Role,
}

/// A token as it is kept: without the secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Token {
    /// Its id.
    pub id: String,
    /// Who or what it is for.
    pub name: String,
    /// What its holder may do.
    pub role: Role,
    /// When it was issued, Unix seconds.
    pub created_at: i64,
}

/// A token just issued. The secret is shown this once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TokenIssued {
    /// What is kept of it.
    pub token: Token,
    /// What its holder sends as `Authorization: Bearer …`.
    pub secret: String,
}

impl fmt::Debug for TokenIssued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The secret stays out of logs.
        f.debug_struct("TokenIssued")
            .field("token", &self.token)
            .finish_non_exhaustive()
    }
}
