//! `updraft token revoke ID`.

use clap::Args;
use serde::Serialize;

use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;
use crate::text::clean;

/// Takes a token's rights away, at once.
#[derive(Debug, Args)]
pub(crate) struct Revoke {
    /// The token's id, as `updraft token list` shows it
    id: String,
}

#[derive(Debug, Serialize)]
struct Outcome<'a> {
    outcome: &'static str,
    id: &'a str,
}

impl Revoke {
    pub(crate) async fn run(&self, context: &Context) -> Result<Exit, Failure> {
        let client = context.client()?;
        client.delete(&["api", "tokens", &self.id]).await?;
        let outcome = Outcome {
            outcome: "revoked",
            id: &self.id,
        };
        context.output.data(&outcome, |done| {
            clean(&format!("{}: revoked", done.id)) + "\n"
        })?;
        Ok(Exit::Ok)
    }
}
