//! `updraft device hold ID --reason TEXT`.

use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;
use updraft_protocol::DeviceId;
use updraft_protocol::api::{DeviceChange, DeviceField, Hold as Held};

use super::change::apply;
use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;
use crate::settings::Span;

/// Leaves a device alone: it is offered nothing until the hold ends.
#[derive(Debug, Args)]
pub(crate) struct Hold {
    /// The device's id
    id: DeviceId,
    /// Why, for whoever asks later
    #[arg(long, value_name = "TEXT", required_unless_present = "off")]
    reason: Option<String>,
    /// End it by itself after so long, such as 2d; else until it is taken away
    #[arg(long = "for", value_name = "TIME")]
    length: Option<Span>,
    /// Take the hold away
    #[arg(long, conflicts_with_all = ["reason", "length"])]
    off: bool,
}

impl Hold {
    pub(crate) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        let until = self.length.map(|Span(length)| {
            let now = SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default();
            now.saturating_add(length).as_secs().cast_signed()
        });
        let change = DeviceChange {
            hold: self.reason.map(|reason| Held { reason, until }),
            clear: self.off.then_some(DeviceField::Hold).into_iter().collect(),
            ..DeviceChange::default()
        };
        apply(context, &self.id, &change).await
    }
}
