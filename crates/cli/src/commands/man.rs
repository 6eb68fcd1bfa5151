//! `updraft man`.

use std::fs;
use std::path::PathBuf;

use clap::{Args, CommandFactory as _};

use crate::cli::Cli;
use crate::context::Context;
use crate::error::Failure;
use crate::exit::Exit;
use crate::output::raw;

/// Prints the manual page, or writes one for every command into a folder.
#[derive(Debug, Args)]
pub(crate) struct Man {
    /// Write updraft.1, updraft-serve.1 and so on into this folder, which is made if need be
    #[arg(long, value_name = "FOLDER")]
    dir: Option<PathBuf>,
}

impl Man {
    pub(crate) fn run(&self, context: &Context) -> Result<Exit, Failure> {
        let cannot = |error: std::io::Error| {
            Failure::new(
                Exit::Unexpected,
                "man",
                format!("the manual pages cannot be written: {error}"),
            )
        };
        if let Some(folder) = &self.dir {
            fs::create_dir_all(folder)
                .and_then(|()| clap_mangen::generate_to(Cli::command(), folder))
                .map_err(cannot)?;
            let at = folder.display();
            context
                .output
                .note(&format!("wrote the manual pages to {at}"));
        } else {
            let mut page = Vec::new();
            clap_mangen::Man::new(Cli::command())
                .render(&mut page)
                .map_err(cannot)?;
            raw(&page)?;
        }
        Ok(Exit::Ok)
    }
}
