//! `updraft release show`.

use clap::Args;
use serde::Serialize;
use updraft_protocol::api::Release;

use super::select::Selector;
use super::view::details;
use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;

/// Shows everything about one release.
#[derive(Debug, Args)]
pub(crate) struct Show {
    #[command(flatten)]
    release: Selector,
}

/// A release and the channels that point at it.
#[derive(Debug, Serialize)]
struct Shown {
    release: Release,
    channels: Vec<String>,
}

impl Show {
    pub(crate) async fn run(&self, context: &Context) -> Result<Exit, Failure> {
        let client = context.client()?;
        let release = self.release.find(&client).await?;
        let channels = client.channels(Some(release.device_type.as_str())).await?;
        let channels = channels
            .into_iter()
            .filter(|channel| channel.release_id == release.id)
            .map(|channel| channel.name)
            .collect();
        let shown = Shown { release, channels };
        context
            .output
            .data(&shown, |shown| details(&shown.release, &shown.channels))?;
        Ok(Exit::Ok)
    }
}
