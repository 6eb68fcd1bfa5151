//! What there is for a device: the question behind every pull endpoint.

use std::sync::Arc;

use updraft_protocol::api::ReleaseStatus;
use updraft_protocol::{DeviceId, DeviceTypeName};
use updraft_rollout::{DeviceView, Moment, decide};

use crate::error::ApiResult;
use crate::identity::Words;
use crate::metrics::Plain;
use crate::next_poll::poll_after;
use crate::published::{Offering, Terms};
use crate::state::AppState;

/// What there is for a device.
#[derive(Debug)]
pub(crate) enum Answer {
    /// Something to install.
    Offer(Arc<Offering>, Terms),
    /// Nothing newer than what it runs, which is this release. Never a blocked one.
    Running(Arc<Offering>),
    /// Nothing.
    Nothing,
}

/// Decides what there is for a device, and in how many seconds it is to ask again. One without a name gets what anybody may
/// have, and asks when it likes.
pub(crate) async fn ask(
    state: &AppState,
    id: Option<&DeviceId>,
    device_type: &DeviceTypeName,
    words: &Words,
) -> ApiResult<(Answer, Option<u32>)> {
    let Some(id) = id else {
        return Ok((ask_unnamed(state, device_type, words).await?, None));
    };
    let visit = state.visit(id, device_type, words).await?;
    let next = poll_after(state, id, words.poll_seconds, visit.changes_at);
    let answer = match (visit.offer, visit.running) {
        (Some(offering), _) => Answer::Offer(offering, visit.terms),
        (None, Some(running)) if running.release.blocked.is_none() => Answer::Running(running),
        (None, _) => Answer::Nothing,
    };
    Ok((answer, Some(next)))
}

async fn ask_unnamed(
    state: &AppState,
    device_type: &DeviceTypeName,
    words: &Words,
) -> ApiResult<Answer> {
    state.metrics().add(Plain::CheckIns, 1);
    // Without a name all are alike: by chance, then.
    let chance = getrandom::u32().unwrap_or_default().to_string();
    let _under_way = state.begin_check_in(&chance)?;
    let device_type = device_type.as_str();
    loop {
        let chosen = {
            let published = state.peek();
            let view = DeviceView {
                version: words.version.as_deref(),
                chip: words.chip.as_deref(),
                secure_version: words.secure_version,
                slot_size: words.slot_size,
                state: words.state,
                ..DeviceView::unnamed(device_type)
            };
            let now = state.now();
            let granted = decide(&published.snapshot, &view, &Moment::at(now)).offer;
            let Some(granted) = granted else {
                // Anybody may ask for any version: one that is not for everybody is not named.
                let is_public = |offering: &&Arc<Offering>| {
                    let release = &offering.release;
                    release.status == ReleaseStatus::Stable && release.blocked.is_none()
                };
                let running = words
                    .version
                    .as_deref()
                    .and_then(|version| published.version(device_type, version))
                    .filter(is_public);
                return Ok(
                    running.map_or(Answer::Nothing, |running| Answer::Running(running.clone()))
                );
            };
            let terms = Terms::of(&granted, now);
            published
                .offering(&granted.candidate.release.id)
                .map(|offering| (offering.clone(), terms))
        };
        match chosen {
            None => return Ok(Answer::Nothing),
            Some((offering, terms)) if offering.is_offered() => {
                state.metrics().add(Plain::Offers, 1);
                return Ok(Answer::Offer(offering, terms));
            }
            Some((offering, _)) => state.first_offer(&offering).await?,
        }
    }
}
