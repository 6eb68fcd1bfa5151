//! When a device is to ask again.

use std::time::Duration;

use axum::response::Response;
use http::HeaderName;
use updraft_protocol::DeviceId;
use updraft_rollout::{LONGEST_POLL_S, NextPoll, next_poll};

use crate::bounds::POLL_INTERVALS;
use crate::config::POLL_INTERVAL;
use crate::state::AppState;

/// What tells the clients of the seeds' endpoints, whose bodies have no room for it.
const POLL_AFTER: HeaderName = HeaderName::from_static("x-poll-after");

/// Devices that ask more often than this are not spread by us: their own jitter does it, and an operator who has them ask
/// every few seconds waits for them.
const SPREAD_FROM: Duration = Duration::from_mins(1);

/// How often a device is to come: as the operator says, else as its own settings have it.
fn interval(told: Option<Duration>, own: Option<u32>) -> Duration {
    let (least, most) = POLL_INTERVALS;
    let own = own.map(|seconds| Duration::from_secs(seconds.into()).clamp(least, most));
    told.or(own).unwrap_or(POLL_INTERVAL)
}

/// In how many seconds a device is to come next: at a moment of its own within its interval, soon after its window or
/// whatever else it waits for opens, and less often under load.
pub(crate) fn poll_after(
    state: &AppState,
    id: &DeviceId,
    own: Option<u32>,
    changes_at: Option<i64>,
) -> u32 {
    let interval = interval(state.config().poll_interval, own);
    let seconds = u32::try_from(interval.as_secs()).unwrap_or(u32::MAX);
    let ask = NextPoll {
        device_id: id.as_str(),
        interval,
        load_bp: state.load().bp(),
        changes_at,
    };
    let next = next_poll(&ask, state.now());
    // After a day without a word, nobody can say any more whether a device lives.
    let next = next.min(LONGEST_POLL_S);
    if interval < SPREAD_FROM {
        return match changes_at {
            Some(_) => next.min(seconds),
            None => seconds,
        };
    }
    next
}

/// Tells a device when to ask again, in a header.
pub(crate) fn tell(mut response: Response, seconds: Option<u32>) -> Response {
    if let Some(seconds) = seconds {
        response.headers_mut().insert(POLL_AFTER, seconds.into());
    }
    response
}
