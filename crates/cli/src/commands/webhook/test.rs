//! `updraft webhook test ID`.

use clap::Args;
use updraft_protocol::api::WebhookTest;

use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;

/// Posts a webhook.test once and says what came of it. Ends with code 7 where it was not taken.
#[derive(Debug, Args)]
pub(crate) struct Test {
    /// The webhook's id
    id: String,
}

impl Test {
    pub(crate) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        let path = ["api", "webhooks", &self.id, "test"];
        let came: WebhookTest = context.client()?.post(&path).await?;
        context.output.data(&came, |came| {
            let status = came.status.map(|status| format!(" ({status})"));
            match &came.error {
                None => format!("taken{}\n", status.unwrap_or_default()),
                Some(error) => format!("not taken: {}\n", crate::text::clean(error)),
            }
        })?;
        Ok(if came.ok { Exit::Ok } else { Exit::Failed })
    }
}
