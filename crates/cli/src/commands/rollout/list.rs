//! `updraft rollout list`.

use clap::Args;
use clap::builder::PossibleValuesParser;
use updraft_protocol::DeviceTypeName;
use updraft_protocol::api::rollout::{RolloutList, RolloutState};

use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;
use crate::table::Table;
use crate::text::{NONE, instant};

/// Lists rollouts, the latest first.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only those of this device type
    #[arg(long = "type", value_name = "TYPE")]
    device_type: Option<DeviceTypeName>,
    /// Only those in this state
    #[arg(long, value_parser = PossibleValuesParser::new(RolloutState::ALL.iter().map(|state| state.as_str())))]
    state: Option<String>,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: usize,
}

impl List {
    pub(crate) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        let limit = self.limit.to_string();
        let mut query = vec![("limit", limit.as_str())];
        if let Some(device_type) = &self.device_type {
            query.push(("device_type", device_type.as_str()));
        }
        if let Some(state) = &self.state {
            query.push(("state", state));
        }
        let list: RolloutList = context.client()?.get(&["api", "rollouts"], &query).await?;
        context.output.data(&list, lines)?;
        if list.rollouts.is_empty() {
            context.output.note("no such rollouts");
        } else if list.next.is_some() {
            context
                .output
                .note("there are more; raise --limit to see them");
        }
        Ok(Exit::Ok)
    }
}

fn lines(list: &RolloutList) -> String {
    if list.rollouts.is_empty() {
        return String::new();
    }
    let mut table = Table::new([
        "ID",
        "TYPE",
        "VERSION",
        "NAME",
        "STATE",
        "CONFIRMED",
        "FAILED",
        "OPEN",
        "DRAFTED",
    ]);
    for rollout in &list.rollouts {
        table.row([
            rollout.id.clone(),
            rollout.device_type.to_string(),
            rollout.version.clone(),
            rollout.name.clone().unwrap_or_else(|| NONE.into()),
            rollout.state.to_string(),
            rollout.counts.confirmed.to_string(),
            rollout.counts.failures().to_string(),
            rollout.counts.open().to_string(),
            instant(rollout.created_at),
        ]);
    }
    table.render()
}
