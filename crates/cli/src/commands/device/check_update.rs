//! `updraft device check-update ID`.

use std::fmt::Write as _;

use clap::Args;
use serde::{Deserialize, Serialize};
use updraft_protocol::DeviceId;

use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;
use crate::text::clean;

/// Decides what a device is to install, and tells it at once if it is connected over MQTT.
#[derive(Debug, Args)]
pub(crate) struct CheckUpdate {
    /// The device's id
    id: DeviceId,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Sent {
    Published,
    Waits,
    UnderWay,
    Nothing,
    #[serde(other)]
    Unknown,
}

/// The server's answer.
#[derive(Debug, Serialize, Deserialize)]
struct UpdateChecked {
    /// The version the device is to install, if any.
    #[serde(default)]
    offer: Option<String>,
    /// What was done about it.
    sent: Sent,
    /// Whether the device is connected over MQTT.
    connected: bool,
    /// What decided, in order, one sentence each.
    reasons: Vec<String>,
}

impl CheckUpdate {
    pub(crate) async fn run(&self, context: &Context) -> Result<Exit, Failure> {
        let path = ["api", "devices", self.id.as_str(), "check-update"];
        let checked: UpdateChecked = context.client()?.post(&path).await?;
        context
            .output
            .data(&checked, |checked| self.lines(checked))?;
        Ok(Exit::Ok)
    }

    fn lines(&self, checked: &UpdateChecked) -> String {
        let id = &self.id;
        let version = clean(checked.offer.as_deref().unwrap_or_default());
        let mut text = match checked.sent {
            Sent::Published => format!("{id} was told to install {version}\n"),
            Sent::Waits => format!(
                "{id} is to install {version}, and is not connected: it is told when it returns, or at its next check-in\n"
            ),
            Sent::UnderWay => format!("{id} was told to install {version} a moment ago\n"),
            Sent::Nothing => format!("there is nothing for {id} to install\n"),
            Sent::Unknown => format!("{id}: this server's answer is newer than this program\n"),
        };
        for (number, reason) in (1..).zip(&checked.reasons) {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "  {number}. {}", clean(reason));
        }
        text
    }
}
