//! `updraft release change`.

use clap::Args;
use reqwest::Method;
use updraft_protocol::api::{ReleaseChange, ReleaseStatus};

use super::select::Selector;
use super::view::Outcome;
use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;

/// Changes what may be changed of a release; its file and version never do.
#[derive(Debug, Args)]
pub(crate) struct Change {
    #[command(flatten)]
    release: Selector,
    /// How far it is trusted: testing, stable or deprecated
    #[arg(long)]
    status: Option<ReleaseStatus>,
    /// Whether devices install it at once, whatever their schedule
    #[arg(long, value_name = "true|false")]
    required: Option<bool>,
    /// Which versions it can be installed over, such as ">=1.2, <2"; "" for any
    #[arg(long = "from", value_name = "VERSIONS")]
    from_versions: Option<String>,
    /// Whether devices below it must pass through it before they get anything newer
    #[arg(long, value_name = "true|false")]
    stepping_stone: Option<bool>,
    /// What it is about
    #[arg(long, value_name = "TEXT")]
    notes: Option<String>,
}

impl Change {
    pub(crate) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        let change = ReleaseChange {
            status: self.status,
            description: self.notes,
            required: self.required,
            from_versions: self.from_versions,
            stepping_stone: self.stepping_stone,
        };
        if change == ReleaseChange::default() {
            return Err(
                Failure::new(Exit::Usage, "nothing_given", "there is nothing to change")
                    .hint("give --status, --required, --from, --stepping-stone or --notes"),
            );
        }
        let client = context.client()?;
        let release = self.release.find(&client).await?;
        let path = ["api", "releases", &release.id];
        let release = client.send(Method::PATCH, &path, &change).await?;
        let outcome = Outcome {
            outcome: "changed",
            release,
        };
        context.output.data(&outcome, |done| done.line("changed"))?;
        Ok(Exit::Ok)
    }
}
