//! `updraft rollout preview ID`.

use std::fmt::Write as _;

use clap::Args;
use updraft_protocol::api::rollout::Preview as Counted;

use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;
use crate::table::Details;
use crate::text::clean;

/// Shows what a rollout would do, counted, and which doors it opens that do not close again.
#[derive(Debug, Args)]
pub(crate) struct Preview {
    /// The rollout's id
    id: String,
}

impl Preview {
    pub(crate) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        let path = ["api", "rollouts", &self.id, "preview"];
        let counted: Counted = context.client()?.get(&path, &[]).await?;
        context.output.data(&counted, lines)?;
        Ok(Exit::Ok)
    }
}

fn lines(counted: &Counted) -> String {
    let mut details = Details::new();
    for (name, devices) in [
        ("eligible", counted.eligible),
        ("current", counted.current),
        ("unreachable", counted.unreachable),
        ("incompatible", counted.incompatible),
        ("outside the target", counted.outside),
        ("excluded", counted.excluded),
    ] {
        details.line(name, devices.to_string());
    }
    for wave in &counted.waves {
        let stages: Vec<String> = wave.after_stage.iter().map(ToString::to_string).collect();
        details.line(
            &format!("wave {}", clean(&wave.name)),
            format!(
                "{} devices; after each stage {}",
                wave.devices,
                stages.join(", ")
            ),
        );
    }
    let mut text = details.render();
    // Writing to a String cannot fail.
    for why in &counted.why {
        let examples = why.examples.join(", ");
        let _ = writeln!(
            text,
            "{} cannot take it: {} ({})",
            why.devices,
            clean(&why.reason),
            clean(&examples)
        );
    }
    for door in &counted.one_way {
        let _ = writeln!(
            text,
            "ONE WAY, {} devices: {}",
            door.devices,
            clean(&door.text)
        );
    }
    text
}
