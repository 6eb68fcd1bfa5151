//! `updraft type list`.

use clap::Args;
use serde::Serialize;
use updraft_protocol::api::DeviceType;

use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;
use crate::table::Table;
use crate::text::size;

/// Lists device types with their chip and the size of the slot an image must fit into.
#[derive(Debug, Args)]
pub(crate) struct List {}

#[derive(Debug, Serialize)]
struct Listing {
    types: Vec<DeviceType>,
}

impl List {
    pub(crate) async fn run(&self, context: &Context) -> Result<Exit, Failure> {
        let types = context.client()?.get(&["api", "types"], &[]).await?;
        let listing = Listing { types };
        context.output.data(&listing, lines)?;
        if listing.types.is_empty() {
            context
                .output
                .note("no device types; one comes into being with its first release");
        }
        Ok(Exit::Ok)
    }
}

fn lines(listing: &Listing) -> String {
    if listing.types.is_empty() {
        return String::new();
    }
    let mut table = Table::new(["TYPE", "CHIP", "SLOT SIZE"]);
    for found in &listing.types {
        table.row([
            found.name.to_string(),
            found.chip.clone(),
            size(found.slot_size),
        ]);
    }
    table.render()
}
