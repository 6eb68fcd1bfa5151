//! `updraft token list`.

use clap::Args;
use serde::Serialize;
use updraft_protocol::api::Token;

use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;
use crate::table::Table;
use crate::text::instant;

/// Lists tokens. Devices' tokens are not among them.
#[derive(Debug, Args)]
pub(crate) struct List {}

#[derive(Debug, Serialize)]
struct Listing {
    tokens: Vec<Token>,
}

impl List {
    pub(crate) async fn run(&self, context: &Context) -> Result<Exit, Failure> {
        let tokens = context.client()?.get(&["api", "tokens"], &[]).await?;
        context.output.data(&Listing { tokens }, lines)?;
        Ok(Exit::Ok)
    }
}

fn lines(listing: &Listing) -> String {
    let mut table = Table::new(["ID", "NAME", "ROLE", "ISSUED"]);
    for token in &listing.tokens {
        table.row([
            token.id.clone(),
            token.name.clone(),
            token.role.to_string(),
            instant(token.created_at),
        ]);
    }
    table.render()
}
