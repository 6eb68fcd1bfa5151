//! `updraft webhook add URL`.

use clap::Args;
use reqwest::Method;
use updraft_protocol::api::{NewWebhook, WebhookAdded};

use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;
use crate::text::clean;

/// Adds a webhook. Its secret, by which a receiver verifies deliveries (Standard Webhooks, v1), is printed on stdout and
/// not shown again.
#[derive(Debug, Args)]
pub(crate) struct Add {
    /// Where to: http or https
    url: String,
    /// Only these kinds, such as rollout or deployment.failed [default: all but those of webhooks]
    #[arg(long, value_name = "TYPE", value_delimiter = ',')]
    types: Vec<String>,
}

impl Add {
    pub(crate) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        let new = NewWebhook {
            url: self.url,
            types: self.types,
            secret: None,
        };
        let client = context.client()?;
        let path = ["api", "webhooks"];
        let added: WebhookAdded = client.send(Method::POST, &path, &new).await?;
        context
            .output
            .data(&added, |added| clean(&added.secret) + "\n")?;
        let id = &added.webhook.id;
        context.output.note(&format!(
            "webhook {id}; keep its secret now, it is not shown again; try it: updraft webhook test {id}"
        ));
        Ok(Exit::Ok)
    }
}
