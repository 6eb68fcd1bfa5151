//! `updraft device why ID`.

use std::fmt::Write as _;

use clap::Args;
use serde::{Deserialize, Serialize};
use updraft_protocol::DeviceId;

use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;
use crate::text::{clean, instant};

/// Says, rule by rule, why a device is offered what it is offered, or nothing.
#[derive(Debug, Args)]
pub(crate) struct Why {
    /// The device's id
    id: DeviceId,
}

/// The server's explanation.
#[derive(Debug, Serialize, Deserialize)]
struct Explanation {
    /// What decided, in order, one sentence each.
    reasons: Vec<String>,
    /// The version it would be offered now, if any.
    #[serde(default)]
    offer: Option<String>,
    /// The rollout that would bring it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rollout: Option<String>,
    /// When the answer changes by time alone, Unix seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    changes_at: Option<i64>,
    /// When it will ask next, by its own habit, Unix seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    next_poll: Option<i64>,
}

impl Why {
    pub(crate) async fn run(&self, context: &Context) -> Result<Exit, Failure> {
        let path = ["api", "devices", self.id.as_str(), "why"];
        let explanation: Explanation = context.client()?.get(&path, &[]).await?;
        context
            .output
            .data(&explanation, |explanation| self.lines(explanation))?;
        Ok(Exit::Ok)
    }

    fn lines(&self, explanation: &Explanation) -> String {
        let mut text = match &explanation.offer {
            Some(version) => format!("{} would be offered {}\n", self.id, clean(version)),
            None => format!("{} would be offered nothing\n", self.id),
        };
        for (number, reason) in (1..).zip(&explanation.reasons) {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "  {number}. {}", clean(reason));
        }
        for (what, at) in [
            ("this changes by itself", explanation.changes_at),
            ("it will ask next", explanation.next_poll),
        ] {
            if let Some(at) = at {
                let _ = writeln!(text, "{what} at {}", instant(at));
            }
        }
        text
    }
}
