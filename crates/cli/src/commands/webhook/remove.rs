//! `updraft webhook remove ID`.

use clap::Args;

use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;

/// Removes a webhook.
#[derive(Debug, Args)]
pub(crate) struct Remove {
    /// The webhook's id
    id: String,
}

impl Remove {
    pub(crate) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        let path = ["api", "webhooks", &self.id];
        context.client()?.delete(&path).await?;
        let done = serde_json::json!({ "removed": self.id });
        context.output.data(&done, |_| String::new())?;
        context.output.note(&format!("removed {}", self.id));
        Ok(Exit::Ok)
    }
}
