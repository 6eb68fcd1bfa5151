//! Running what waits for the network, until it is done or Ctrl-C is pressed.

use std::future::Future;

use tokio::runtime::Builder;

use crate::error::Failure;
use crate::exit::Exit;

/// Runs a client's command on this thread. Ctrl-C ends it with [`Exit::Interrupted`].
pub(crate) fn client<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| cannot_start(&error))?;
    runtime.block_on(async {
        tokio::select! {
            done = work => done,
            // Without a handler for it, Ctrl-C ends the process anyway.
            Ok(()) = tokio::signal::ctrl_c() => Err(interrupted()),
        }
    })
}

/// Runs a command that serves or simulates, on every core. It handles Ctrl-C itself.
pub(crate) fn service<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| cannot_start(&error))?
        .block_on(work)
}

fn interrupted() -> Failure {
    Failure::new(Exit::Interrupted, "interrupted", "interrupted")
}

fn cannot_start(error: &std::io::Error) -> Failure {
    Failure::new(
        Exit::Unexpected,
        "runtime",
        format!("the operating system gave no threads or no event queue: {error}"),
    )
}
