//! The server's log, on stderr.

use std::io::IsTerminal as _;
use std::str::FromStr as _;

use clap::ValueEnum;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, fmt};

use crate::error::Failure;
use crate::exit::Exit;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::commands) enum LogFormat {
    /// Lines for people
    Text,
    /// One JSON document a line
    Json,
}

/// Begins to log what `filter` lets through: a level, or levels by module (`info,updraft_server=debug`).
pub(in crate::commands) fn start(format: LogFormat, filter: &str) -> Result<(), Failure> {
    let targets = Targets::from_str(filter).map_err(|error| {
        Failure::new(
            Exit::Usage,
            "log_filter",
            format!("{filter:?} is no log filter: {error}"),
        )
        .hint("write a level (error, warn, info, debug, trace), or levels by module: info,updraft_server=debug")
    })?;
    // Both variables are conventions of terminals, which anstream follows everywhere else.
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let layer = fmt::layer()
        .with_writer(std::io::stderr)
        // With stderr gone there is nowhere to complain to, and trying would end the server.
        .log_internal_errors(false);
    let layer = match format {
        LogFormat::Json => layer
            .json()
            .flatten_event(true)
            .with_filter(targets)
            .boxed(),
        LogFormat::Text => layer
            .with_ansi(std::io::stderr().is_terminal() && !plain)
            .with_target(false)
            .with_filter(targets)
            .boxed(),
    };
    tracing_subscriber::registry().with(layer).init();
    Ok(())
}
