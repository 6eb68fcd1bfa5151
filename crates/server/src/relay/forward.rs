//! Telling the primary what devices said, in order.

use std::sync::atomic::Ordering;

use updraft_protocol::DeviceId;
use updraft_protocol::api::relay::{MAX_WORDS, RelayWords};

use super::{RelayError, RelaySide};
use crate::state::AppState;

/// Tells everything that waits. What the primary acknowledged is forgotten here; what it did not is told again, and it
/// knows by the numbers what it has.
pub(super) async fn forward(state: &AppState, relay: &RelaySide) -> Result<(), RelayError> {
    loop {
        // What was said before this moment is on disk after the flush.
        let before = state.now() - 1;
        state.flush().await?;
        let words = state.store().relay_words(MAX_WORDS).await?;
        let is_last = words.len() < MAX_WORDS;
        let batch = RelayWords {
            relay: relay.name.clone(),
            told_until: if is_last { before } else { 0 },
            words,
        };
        let receipt = relay.upstream.tell(&batch).await?;
        if receipt.refused > 0 {
            tracing::warn!(
                refused = receipt.refused,
                "the primary did not take all words: it knows as many devices as it may"
            );
        }
        let told: Vec<(&DeviceId, i64)> = batch
            .words
            .iter()
            .map(|word| (&word.device_id, word.seq))
            .collect();
        if !told.is_empty() {
            let seqs: Vec<i64> = told.iter().map(|(_, seq)| *seq).collect();
            state.store().forget_relay_words(&seqs).await?;
            relay.told.fetch_add(told.len() as u64, Ordering::Relaxed);
            state.devices().acknowledged(told);
        }
        let waiting = state.store().waiting_relay_words().await?;
        relay.journal.set_waiting(waiting.count);
        if is_last {
            return Ok(());
        }
    }
}
