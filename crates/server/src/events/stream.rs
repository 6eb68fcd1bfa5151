//! One stream of events: what somebody follows, until they are too slow, may not look any more, or the server stops.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::response::sse;
use futures_util::Stream;
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::{Event, EventFilter};
use crate::metrics::Plain;
use crate::state::AppState;

/// How often a silent stream says that it is there: well within what proxies take for dead. At the same pace it is
/// looked whether the token still holds.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// How long a client waits before it connects again, in milliseconds.
const RETRY: Duration = Duration::from_secs(3);

/// Whether the token that was shown holds still.
pub(crate) type Holds = Box<dyn Fn() -> bool + Send + Sync>;

/// Where a stream begins, and what it is bound to.
pub(crate) struct Begin {
    pub(crate) filter: EventFilter,
    /// After the event of this number.
    pub(crate) after: i64,
    pub(crate) holds: Holds,
    pub(crate) permit: OwnedSemaphorePermit,
}

struct Reader {
    state: AppState,
    filter: EventFilter,
    cursor: i64,
    caught_up: bool,
    ready: VecDeque<sse::Event>,
    latest: watch::Receiver<i64>,
    stopped: watch::Receiver<bool>,
    beat: Interval,
    holds: Holds,
    ended: bool,
    _permit: OwnedSemaphorePermit,
}

/// What a client follows.
pub(crate) fn stream(
    state: AppState,
    begin: Begin,
) -> impl Stream<Item = Result<sse::Event, Infallible>> {
    let hub = state.hub().clone();
    state.metrics().add(Plain::Streams, 1);
    let mut beat = interval(KEEP_ALIVE);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    beat.reset();
    let reader = Reader {
        filter: begin.filter,
        cursor: begin.after,
        caught_up: false,
        // The first word opens the stream, so that a client knows that it is there.
        ready: VecDeque::from([sse::Event::default().comment("updraft").retry(RETRY)]),
        latest: hub.latest(),
        stopped: hub.stopped(),
        beat,
        holds: begin.holds,
        ended: false,
        _permit: begin.permit,
        state,
    };
    futures_util::stream::unfold(reader, async |mut reader| {
        let event = reader.next().await?;
        Some((Ok(event), reader))
    })
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.state.metrics().stream_closed();
    }
}

impl Reader {
    async fn next(&mut self) -> Option<sse::Event> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            if self.ended {
                return None;
            }
            let latest = *self.latest.borrow_and_update();
            let max_lag = i64::from(self.state.limits().max_stream_lag);
            if self.caught_up && latest - self.cursor > max_lag {
                self.end(
                    "too_slow",
                    "this stream is too far behind; connect again to go on",
                );
            } else if latest > self.cursor {
                self.read(latest).await;
            } else {
                self.caught_up = true;
                self.wait().await;
            }
        }
    }

    /// Takes the next events, as many as one page has.
    async fn read(&mut self, latest: i64) {
        let state = self.state.clone();
        match state.hub().after(state.store(), self.cursor).await {
            Ok(events) => {
                let first = events.first().map_or(latest + 1, |event| event.id);
                if first > self.cursor + 1 {
                    self.gap(first);
                }
                // Nothing kept: what there was is forgotten.
                self.cursor = events.last().map_or(latest, |event| event.id);
                let wanted = events.iter().filter(|event| self.filter.takes(event));
                self.ready.extend(wanted.filter_map(frame));
            }
            Err(error) => {
                tracing::warn!(%error, "a stream of events ends");
                self.end(
                    "unavailable",
                    "the server cannot read events; connect again",
                );
            }
        }
    }

    async fn wait(&mut self) {
        let stops = ("server_stops", "the server stops; connect again");
        let end = tokio::select! {
            biased;
            _ = self.stopped.wait_for(|stopped| *stopped) => Some(stops),
            _ = self.beat.tick() => {
                let still_here = sse::Event::default().comment("still here");
                self.ready.push_back(still_here);
                let revoked = ("token_revoked", "the token does not hold any more");
                (!(self.holds)()).then_some(revoked)
            }
            changed = self.latest.changed() => changed.is_err().then_some(stops),
        };
        if let Some((code, message)) = end {
            self.end(code, message);
        }
    }

    fn gap(&mut self, first: i64) {
        let lost = json!({ "after": self.cursor, "next": first });
        let event = sse::Event::default().event("gap").data(lost.to_string());
        self.ready.push_back(event);
    }

    fn end(&mut self, code: &str, message: &str) {
        let why = json!({ "code": code, "message": message });
        let event = sse::Event::default().event("end").data(why.to_string());
        self.ready.push_back(event);
        self.ended = true;
    }
}

fn frame(event: &Arc<Event>) -> Option<sse::Event> {
    let data = serde_json::to_string(&**event).ok()?;
    let frame = sse::Event::default()
        .id(event.id.to_string())
        .event(&event.kind)
        .data(data);
    Some(frame)
}
