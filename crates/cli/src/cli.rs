//! The command line as a whole.

use clap::Parser;
use clap::error::ErrorKind;

use crate::commands::Command;
use crate::error::Failure;
use crate::exit::{self, Exit};
use crate::settings::GlobalArgs;

/// Over-the-air updates for ESP32 fleets: publish an image, watch devices take it, know what became of it.
#[derive(Debug, Parser)]
#[command(name = "updraft", version, after_long_help = exit::help(), max_term_width = 110)]
pub(crate) struct Cli {
    /// Options every command takes.
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Answers a command line that cannot be run: help and version to stdout, everything else to stderr, as JSON
/// where that was asked for.
pub(crate) fn refuse(error: &clap::Error) -> Exit {
    let json = std::env::args_os()
        .take_while(|argument| argument != "--")
        .any(|argument| argument == "--json");
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            // A reader that closed its end has seen enough.
            let _ = error.print();
            Exit::Ok
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand if !json => {
            let _ = error.print();
            Exit::Usage
        }
        _ if json => {
            let text = error.render().to_string();
            // The first paragraph says what is wrong; usage and tips for the terminal follow it.
            let paragraph: Vec<&str> = text
                .lines()
                .map(str::trim)
                .take_while(|line| !line.is_empty())
                .collect();
            let message = paragraph.join(" ");
            let message = message.strip_prefix("error: ").unwrap_or(&message);
            Failure::new(Exit::Usage, "usage", message)
                .hint("run the command with --help")
                .report(true);
            Exit::Usage
        }
        _ => {
            let _ = error.print();
            Exit::Usage
        }
    }
}
