//! What other nodes over the same database change, taken over as soon as they tell.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;
use updraft_store::{Changed, Changes, News};

use crate::error::ApiResult;
use crate::state::AppState;

/// After so long a pause, what could not be taken over is tried again.
const AGAIN: Duration = Duration::from_millis(200);

/// What is to be read anew.
#[derive(Debug, Default)]
struct Stale {
    releases: bool,
    rollouts: bool,
    tokens: bool,
    all_devices: bool,
    devices: BTreeSet<String>,
}

impl Stale {
    fn add(&mut self, news: News) {
        if news.by_us {
            return;
        }
        match news.changed {
            Changed::Releases => self.releases = true,
            Changed::Rollouts(_) => self.rollouts = true,
            Changed::Tokens => self.tokens = true,
            // Those who follow events read them themselves.
            Changed::Events => {}
            Changed::Devices(ids) => self.devices.extend(ids),
            // Also what a later version of the store tells.
            _ => {
                *self = Self {
                    releases: true,
                    rollouts: true,
                    tokens: true,
                    all_devices: true,
                    devices: BTreeSet::new(),
                }
            }
        }
    }

    fn is_empty(&self) -> bool {
        !(self.releases || self.rollouts || self.tokens || self.all_devices)
            && self.devices.is_empty()
    }
}

/// Follows the other nodes until the server stops.
pub(crate) async fn follow(
    state: AppState,
    mut changes: Changes,
    mut stopped: watch::Receiver<bool>,
) {
    let mut unread = Stale::default();
    loop {
        tokio::select! {
            Ok(_) = stopped.wait_for(|stopped| *stopped) => return,
            news = changes.next() => match news {
                Some(news) => unread.add(news),
                None => return,
            },
            () = sleep(AGAIN), if !unread.is_empty() => {}
        }
        while let Some(news) = changes.try_next() {
            unread.add(news);
        }
        if let Err(error) = take_over(&state, &mut unread).await {
            tracing::warn!(%error, "another node's change could not be taken over yet");
        }
    }
}

/// Takes over what is unread; what stays so is to be tried again.
async fn take_over(state: &AppState, unread: &mut Stale) -> ApiResult<()> {
    if unread.releases {
        state.refresh().await?;
        unread.releases = false;
    }
    if unread.rollouts {
        state.reread_rollouts().await?;
        unread.rollouts = false;
    }
    if unread.tokens {
        state.refresh_tokens().await?;
        unread.tokens = false;
    }
    if unread.all_devices {
        let late = state.merge_devices(None).await?;
        unread.all_devices = false;
        unread.devices = late.into_iter().collect();
    }
    if !unread.devices.is_empty() {
        state.core().note_counted_elsewhere();
        let ids = unread.devices.iter().cloned().collect();
        let late = state.merge_devices(Some(ids)).await?;
        unread.devices = late.into_iter().collect();
    }
    // Their own news come first: written, they give way to what is kept.
    for id in unread.devices.iter().filter_map(|id| id.parse().ok()) {
        state.write_device(&id).await?;
    }
    Ok(())
}
