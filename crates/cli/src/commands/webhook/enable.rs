//! `updraft webhook enable ID`.

use clap::Args;

use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;

/// Lets a webhook that was disabled go on where it stopped, and one that waits for its next try try at once.
#[derive(Debug, Args)]
pub(crate) struct Enable {
    /// The webhook's id
    id: String,
}

impl Enable {
    pub(crate) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        let path = ["api", "webhooks", &self.id, "enable"];
        context.client()?.post_only(&path).await?;
        let done = serde_json::json!({ "enabled": self.id });
        context.output.data(&done, |_| String::new())?;
        context.output.note(&format!("enabled {}", self.id));
        Ok(Exit::Ok)
    }
}
