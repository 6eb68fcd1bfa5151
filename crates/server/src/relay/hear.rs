//! On a primary: devices' words from relays.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;
use http::StatusCode;
use updraft_protocol::DeviceId;
use updraft_protocol::api::relay::{MAX_WORDS, RelayReceipt, RelayWord, RelayWords, Said};

use crate::devices::{Heard, VisitError};
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
        let (heard, outdated) = apply(state, &words.relay, &left).await?;
        for (word, taken) in heard {
            if outdated.contains(&word.device_id) {
                continue;
            }
            match taken {
                Taken::News => receipt.taken += 1,
                Taken::Known => receipt.known += 1,
                Taken::Refused => receipt.refused += 1,
            }
        }
        if outdated.is_empty() {
            state.devices().relay_told(&words.relay, words.told_until);
            return Ok(receipt);
        }
        left.retain(|word| outdated.contains(&word.device_id));
    }
    Err(ApiError::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "not_kept",
        "other nodes wrote of the same devices again and again",
    )
    .hint("Send them again.")
    .retry_after(1))
}

#[derive(Debug, Clone, Copy)]
enum Taken {
    News,
    Known,
    Refused,
}

/// Applies words and waits until what they changed is on disk. What became of each, and the devices of which another
/// node wrote: what was taken of them counts no more.
async fn apply<'a>(
    state: &AppState,
    relay: &str,
    words: &[&'a RelayWord],
) -> ApiResult<(Vec<(&'a RelayWord, Taken)>, BTreeSet<&'a DeviceId>)> {
    let mut heard = Vec::with_capacity(words.len());
    let mut outdated = BTreeSet::new();
    let mut touched: BTreeMap<&DeviceId, u64> = BTreeMap::new();
    for &word in words {
        let id = &word.device_id;
        if outdated.contains(id) {
            continue;
        }
        let rests_on = touched.get(id).copied();
        let taken = match take(state, relay, word, rests_on).await? {
            Some(Heard::News(basis)) => {
                touched.insert(id, basis);
                Taken::News
            }
            // The try before may have failed to write it, or be at it still: only the writer knows.
            Some(Heard::Known(basis)) => {
                touched.insert(id, basis);
                Taken::Known
            }
            Some(Heard::GaveWay) => {
                touched.remove(id);
                outdated.insert(id);
                continue;
            }
            None => Taken::Refused,
        };
        heard.push((word, taken));
    }
    // One transaction for as many as wait.
    let written = touched
        .iter()
        .map(async |(id, basis)| Ok((*id, state.write_news(id, *basis).await?)));
    let written: ApiResult<Vec<_>> = join_all(written).await.into_iter().collect();
    let gave_way = written?.into_iter().filter(|(_, is_whole)| !is_whole);
    outdated.extend(gave_way.map(|(id, _)| id));
    Ok((heard, outdated))
}

/// Applies a word; none if it was refused for good.
async fn take(
    state: &AppState,
    relay: &str,
    word: &RelayWord,
    rests_on: Option<u64>,
) -> ApiResult<Option<Heard>> {
    if let Said::Offered(offer) = &word.said
        && let Ok(offering) = state.offering(&offer.release_id)
        && !offering.is_offered()
    {
        // From now on it cannot be deleted.
        state.first_offer(&offering).await?;
    }
    let (published, now) = (state.published(), state.now());
    let heard = state
        .devices()
        .relayed(&published, relay, word, rests_on, now);
    match heard {
        Ok(heard) => Ok(Some(heard)),
        Err(VisitError::TooManyDevices | VisitError::FirstOffer { .. }) => {
            tracing::warn!(device = %word.device_id, relay, "a relay's word was not taken: no more devices are allowed");
            Ok(None)
        }
    }
}
