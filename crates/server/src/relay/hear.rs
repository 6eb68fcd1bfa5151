//! On a primary: devices' words from relays.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use http::StatusCode;
use updraft_protocol::DeviceId;
use updraft_protocol::api::relay::{MAX_WORDS, RelayReceipt, RelayWord, RelayWords, Said};

use crate::devices::VisitError;
use crate::error::{ApiError, ApiResult};
use crate::state::AppState;

/// Longest name of a relay in bytes: its own random one has 26.
const MAX_NAME: usize = 64;

/// How often words are applied anew when other nodes hear of the same devices meanwhile.
const TRIES: u32 = 5;

/// Takes words over. They are on disk, and rollouts have acted on them, when this returns; each counts once, however
/// often it is sent.
pub(crate) async fn hear(state: &AppState, words: &RelayWords) -> ApiResult<RelayReceipt> {
    if words.words.len() > MAX_WORDS || words.relay.is_empty() || words.relay.len() > MAX_NAME {
        return Err(ApiError::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "bad_relay_words",
            format!(
                "{} words of a relay whose name has {} bytes: at most {MAX_WORDS} words, and a name of 1 to {MAX_NAME}",
                words.words.len(),
                words.relay.len()
            ),
        ));
    }
    let mut receipt = RelayReceipt {
        taken: 0,
        known: 0,
        refused: 0,
    };
    let mut left: Vec<&RelayWord> = words.words.iter().collect();
    for _ in 0..TRIES {
        let mut touched: BTreeMap<&DeviceId, u64> = BTreeMap::new();
        for word in &left {
            match take(state, &words.relay, word).await? {
                Taken::News(basis) => {
                    receipt.taken += 1;
                    touched.insert(&word.device_id, basis);
                }
                Taken::Known => receipt.known += 1,
                Taken::Refused => receipt.refused += 1,
            }
        }
        // One transaction for as many as wait.
        let written = touched
            .iter()
            .map(async |(id, basis)| Ok((*id, state.write_news(id, *basis).await?)));
        let written: ApiResult<Vec<_>> = join_all(written).await.into_iter().collect();
        let outdated: Vec<&DeviceId> = written?
            .into_iter()
            .filter_map(|(id, whole)| (!whole).then_some(id))
            .collect();
        if outdated.is_empty() {
            state.devices().relay_told(&words.relay, words.told_until);
            return Ok(receipt);
        }
        // Another node wrote of these: what was taken of them counts no more.
        left.retain(|word| outdated.contains(&&word.device_id));
        receipt.taken -= u32::try_from(left.len()).unwrap_or(0).min(receipt.taken);
    }
    Err(ApiError::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "not_kept",
        "other nodes wrote of the same devices again and again",
    )
    .hint("Send them again.")
    .retry_after(1))
}

enum Taken {
    News(u64),
    Known,
    Refused,
}

async fn take(state: &AppState, relay: &str, word: &RelayWord) -> ApiResult<Taken> {
    if let Said::Offered(offer) = &word.said
        && let Ok(offering) = state.offering(&offer.release_id)
        && !offering.is_offered()
    {
        // From now on it cannot be deleted.
        state.first_offer(&offering).await?;
    }
    let now = state.now();
    match state
        .devices()
        .relayed(&state.published(), relay, word, now)
    {
        Ok(Some(basis)) => Ok(Taken::News(basis)),
        Ok(None) => Ok(Taken::Known),
        Err(VisitError::TooManyDevices | VisitError::FirstOffer { .. }) => {
            tracing::warn!(device = %word.device_id, relay, "a relay's word was not taken: no more devices are allowed");
            Ok(Taken::Refused)
        }
    }
}
