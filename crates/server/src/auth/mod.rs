//! Who is calling, and what they may do.

mod gate;
mod throttle;
mod tokens;

pub(crate) use gate::{Access, guard, refuse, shown_token, token_required};
pub(crate) use throttle::Throttle;
pub(crate) use tokens::Tokens;

use updraft_protocol::DeviceId;
use updraft_protocol::api::Role;

/// Who is calling.
#[derive(Debug, Clone)]
pub(crate) enum Caller {
    /// Nobody in particular: an open route, or a device route while device auth is open.
    Nobody,
    /// A device with its own token.
    Device(DeviceId),
    /// A person or program with a token.
    User { name: String, role: Role },
}

impl Caller {
    /// The name for the audit record.
    pub(crate) fn actor(&self) -> String {
        match self {
            Self::Nobody => "anonymous".to_owned(),
            Self::Device(id) => format!("device {id}"),
            Self::User { name, .. } => name.clone(),
        }
    }
}
