//! `updraft webhook list`.

use clap::Args;
use updraft_protocol::api::{Webhook, WebhookList};

use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;
use crate::table::Table;
use crate::text::{NONE, ago};

/// Lists webhooks, without their secrets.
#[derive(Debug, Args)]
pub(crate) struct List {}

impl List {
    pub(crate) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        let list: WebhookList = context.client()?.get(&["api", "webhooks"], &[]).await?;
        context.output.data(&list, lines)?;
        if list.webhooks.is_empty() {
            context.output.note("no webhooks");
        }
        Ok(Exit::Ok)
    }
}

fn lines(list: &WebhookList) -> String {
    if list.webhooks.is_empty() {
        return String::new();
    }
    let mut table = Table::new(["ID", "URL", "TYPES", "DELIVERED", "STANDS"]);
    for hook in &list.webhooks {
        table.row([
            hook.id.clone(),
            hook.url.clone(),
            match hook.types.as_slice() {
                [] => "all".to_owned(),
                types => types.join(","),
            },
            hook.delivered_at.map_or_else(|| NONE.to_owned(), ago),
            stands(hook),
        ]);
    }
    table.render()
}

fn stands(hook: &Webhook) -> String {
    let error = hook.last_error.as_deref().unwrap_or_default();
    match (&hook.disabled, hook.failing_since) {
        (Some(why), _) => format!("disabled: {why}"),
        (None, Some(since)) => format!("failing since {}: {error}", ago(since)),
        (None, None) => "active".to_owned(),
    }
}
