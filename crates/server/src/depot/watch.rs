use std::time::Duration;

use tokio::sync::watch;

use super::sync::{Effort, sync};
use crate::state::AppState;

/// Looks at the artifact store now, every `poll`, and whenever something changed here, until the server stops.
pub(crate) async fn watch(state: AppState, poll: Duration, mut stopped: watch::Receiver<bool>) {
    loop {
        let Some(side) = state.depot() else {
            return;
        };
        let look = async {
            if let Err(error) = sync(&state, Effort::Changes).await {
                tracing::warn!(
                    artifacts = side.depot.shown(),
                    code = error.code(),
                    "the artifact store was not looked at: {error}"
                );
            }
            // Whichever comes first.
            let _ = tokio::time::timeout(poll, side.changed.notified()).await;
        };
        tokio::select! {
            () = look => {}
            // Cut off half-way, a look leaves what the next one finishes.
            _ = stopped.wait_for(|stop| *stop) => return,
        }
    }
}
