//! The signals that end what would run for ever.

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::error::Failure;
use crate::exit::Exit;

/// Ctrl-C, what service managers send, and a terminal that is closed.
#[derive(Debug)]
pub(crate) struct Signals {
    #[cfg(unix)]
    interrupt: Signal,
    #[cfg(unix)]
    terminate: Signal,
    #[cfg(unix)]
    hang_up: Signal,
}

impl Signals {
    /// From now on these signals end nothing by themselves.
    pub(crate) fn new() -> Result<Self, Failure> {
        #[cfg(unix)]
        let signals = Self {
            interrupt: signal(SignalKind::interrupt()).map_err(|error| cannot(&error))?,
            terminate: signal(SignalKind::terminate()).map_err(|error| cannot(&error))?,
            hang_up: signal(SignalKind::hangup()).map_err(|error| cannot(&error))?,
        };
        #[cfg(not(unix))]
        let signals = Self {};
        Ok(signals)
    }

    /// Waits for the next one.
    #[cfg(unix)]
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hang_up.recv() => {}
        }
    }

    /// Waits for the next one.
    #[cfg(not(unix))]
    pub(crate) async fn next(&mut self) {
        // Without a handler for it, Ctrl-C ends the process anyway.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    }
}

#[cfg(unix)]
fn cannot(error: &std::io::Error) -> Failure {
    Failure::new(
        Exit::Unexpected,
        "signals",
        format!("the operating system lets no signals be handled: {error}"),
    )
}
