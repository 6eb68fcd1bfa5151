//! A relay's conversation with its primary: first what devices said, then what is new.

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::prefetch::Prefetch;
use super::{RelayError, RelaySide, forward, learn};
use crate::state::AppState;

/// Between a device's word and telling it, so that a rush of words is told together.
const GATHER: Duration = Duration::from_millis(200);

/// The longest pause between two tries: a primary that is back is found within a minute.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// Starts the conversation. It ends when the server does.
pub(crate) fn start(
    state: AppState,
    poll: Duration,
    mut stopped: watch::Receiver<bool>,
) -> Option<JoinHandle<()>> {
    let relay = state.relay()?.clone();
    Some(tokio::spawn(async move {
        let mut known = None;
        let prefetch = Prefetch::default();
        let mut failures: u32 = 0;
        loop {
            let told = tokio::select! {
                told = round(&state, &relay, &mut known) => told,
                Ok(_) = stopped.wait_for(|stopped| *stopped) => return,
            };
            if state
                .config()
                .relay
                .as_ref()
                .is_some_and(|told| told.prefetch)
            {
                prefetch.begin(&state, &relay);
            }
            failures = if told.is_ok() {
                0
            } else {
                failures.saturating_add(1)
            };
            note(&state, &relay, told);
            let pause = jittered(pause(poll, failures));
            let wait = async {
                tokio::select! {
                    () = sleep(pause) => {}
                    // While the primary does not answer, more to tell is no reason to ask sooner.
                    () = relay.journal.news(), if failures == 0 => sleep(GATHER.min(pause)).await,
                }
            };
            tokio::select! {
                () = wait => {}
                Ok(_) = stopped.wait_for(|stopped| *stopped) => return,
            }
        }
    }))
}

/// One round. A snapshot is asked for even if words could not be told, unless nobody answers at all: what was halted
/// has to stop here, whatever else is wrong.
async fn round(
    state: &AppState,
    relay: &RelaySide,
    known: &mut Option<String>,
) -> Result<(), RelayError> {
    let told = forward::forward(state, relay).await;
    if let Err(RelayError::Unreachable(_)) = told {
        return told;
    }
    *known = learn::learn(state, relay, known.as_deref()).await?;
    told
}

fn note(state: &AppState, relay: &RelaySide, outcome: Result<(), RelayError>) {
    let problem = outcome
        .as_ref()
        .err()
        .map(|error| (error.code(), error.to_string()));
    if !relay.note(outcome, state.now()) {
        return;
    }
    match problem {
        None => tracing::info!(upstream = relay.upstream.base(), "the primary answers"),
        Some((code, problem)) => tracing::error!(
            upstream = relay.upstream.base(),
            code,
            problem,
            words_waiting = relay.journal.waiting(),
            snapshot_expires_at = relay.expires_at(),
            "the primary is of no help; this relay goes on by the snapshot it has"
        ),
    }
}

/// Doubled with each failure.
fn pause(poll: Duration, failures: u32) -> Duration {
    poll.saturating_mul(1 << failures.min(10))
        .min(LONGEST_PAUSE.max(poll))
}

/// Up to a fifth shorter, so that relays that failed together do not ask together.
fn jittered(pause: Duration) -> Duration {
    let random = getrandom::u32().unwrap_or(0);
    pause.mul_f64(1.0 - 0.2 * f64::from(random) / f64::from(u32::MAX))
}
