//! Who delivers: one task a node, one at a time for each hook.

use std::collections::HashSet;
use std::time::Duration;

use http::StatusCode;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;
use updraft_store::{StoreError, WebhookNews, WebhookRecord, new_id};

use super::post::{NotTaken, Parcel};
use super::schedule::{PATIENCE_S, pause};
use crate::events::{Event, Kinds};
use crate::metrics::Plain;
use crate::state::AppState;

/// How long a node may have a hook to itself before it says so again, in seconds: four times the longest delivery.
const LEASE_S: i64 = 60;

/// Events looked at between two words to the database, where none is wanted.
const PAGE: u32 = 256;

/// How often hooks are looked at although nothing was heard: those of a node that died wait for somebody.
const LOOK: Duration = Duration::from_secs(5);

/// After so long a pause, what the database did not take is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// How long a server that stops waits for a delivery that is under way.
const PARTING: Duration = Duration::from_secs(5);

/// Delivers until the server stops, and then lets go of what it had.
pub(crate) async fn deliver(state: AppState, mut stopped: watch::Receiver<bool>) {
    let node = new_id();
    let mut latest = state.hub().latest();
    let mut busy: HashSet<String> = HashSet::new();
    let mut tasks: JoinSet<String> = JoinSet::new();
    loop {
        let newest = *latest.borrow_and_update();
        let now = state.now();
        let mut due = i64::MAX;
        match state.store().webhooks().await {
            Ok(hooks) => {
                for hook in hooks {
                    if hook.disabled.is_empty() && hook.next_at > now {
                        due = due.min(hook.next_at);
                    }
                    let is_due = hook.disabled.is_empty() && hook.next_at <= now;
                    if is_due && hook.event < newest && busy.insert(hook.id.clone()) {
                        let courier = Courier {
                            state: state.clone(),
                            node: node.clone(),
                            stopped: stopped.clone(),
                        };
                        tasks.spawn(courier.serve(hook.id));
                    }
                }
            }
            Err(error) => tracing::warn!(%error, "webhooks could not be read"),
        }
        tokio::select! {
            _ = stopped.wait_for(|stopped| *stopped) => break,
            Ok(()) = latest.changed() => {}
            Some(done) = tasks.join_next() => {
                // A task that failed is another's to go on with once its lease ends.
                if let Ok(id) = done {
                    busy.remove(&id);
                }
            }
            () = state.core().clock.wait_until(due) => {}
            () = sleep(LOOK) => {}
        }
    }
    // What is being delivered is noted, if it does not take long: else another node delivers it once more.
    let finish = async { while tasks.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(PARTING, finish).await;
    tasks.shutdown().await;
    if let Err(error) = state.store().release_webhooks(&node).await {
        tracing::debug!(%error, "webhooks were not let go of; their leases end by themselves");
    }
}

struct Courier {
    state: AppState,
    node: String,
    stopped: watch::Receiver<bool>,
}

impl Courier {
    /// Delivers what there is for one hook; its id.
    async fn serve(self, id: String) -> String {
        loop {
            match self.step(&id).await {
                Ok(true) if !*self.stopped.borrow() => {}
                Ok(_) => return id,
                Err(error) => {
                    tracing::warn!(webhook = id, %error, "a webhook waits for the database");
                    sleep(AGAIN).await;
                    return id;
                }
            }
        }
    }

    /// Delivers the next event; says whether there may be more to do now.
    async fn step(&self, id: &str) -> Result<bool, StoreError> {
        let store = self.state.store();
        let now = self.state.now();
        let until = now.saturating_add(LEASE_S);
        let Some(mut hook) = store.claim_webhook(id, &self.node, now, until).await? else {
            return Ok(false);
        };
        let events = store.events(hook.event, PAGE).await?;
        let kinds = Kinds::of(hook.kinds.split(',')).unwrap_or_default();
        let wanted = events.iter().find(|event| is_wanted(&kinds, &event.kind));
        let Some(event) = wanted else {
            hook.event = events.last().map_or(hook.event, |event| event.number);
            let more = events.len() == PAGE as usize;
            let kept = store.settle_webhook(&hook, &self.node, more, &WebhookNews::None);
            return Ok(kept.await? && more);
        };
        let number = event.number;
        let event = Event::from(event.clone());
        let parcel = Parcel::of(&event);
        let posted = self
            .state
            .poster()
            .post(&hook.url, &hook.secret, &parcel, now)
            .await;
        let now = self.state.now();
        let news = match posted {
            Ok(_) => {
                self.state.metrics().add(Plain::Delivered, 1);
                hook.event = number;
                hook.tries = 0;
                hook.next_at = 0;
                hook.failing_since = None;
                hook.last_error = None;
                hook.delivered_at = Some(now);
                WebhookNews::None
            }
            Err(why) => {
                self.state.metrics().add(Plain::NotDelivered, 1);
                fail(&mut hook, number, &why, now)
            }
        };
        let goes_on = hook.tries == 0 && !matches!(news, WebhookNews::Disabled(_));
        let kept = store
            .settle_webhook(&hook, &self.node, goes_on, &news)
            .await?;
        Ok(kept && goes_on)
    }
}

/// Whether a hook wants this kind. What happens to hooks themselves is told only where that was asked for: else a hook that
/// fails would have more and more to tell.
fn is_wanted(kinds: &Kinds, kind: &str) -> bool {
    kinds.take(kind) && (!kinds.is_all() || !kind.starts_with("webhook."))
}

fn fail(hook: &mut WebhookRecord, number: i64, why: &NotTaken, now: i64) -> WebhookNews {
    hook.tries += 1;
    hook.last_error = Some(why.error.clone());
    let since = *hook.failing_since.get_or_insert(now);
    let chance = getrandom::u32().unwrap_or_default();
    // By the convention, who is gone wants nothing more.
    if why.status == Some(StatusCode::GONE) {
        return WebhookNews::Disabled("the receiver answered 410: it is gone".to_owned());
    }
    if now.saturating_sub(since) >= PATIENCE_S {
        let days = PATIENCE_S / (24 * 3600);
        return WebhookNews::Disabled(format!("nothing was taken for {days} days"));
    }
    if let Some(pause) = pause(hook.tries, why.retry_after, chance) {
        hook.next_at = now.saturating_add(pause);
        return WebhookNews::None;
    }
    hook.event = number;
    hook.tries = 0;
    hook.next_at = 0;
    WebhookNews::GaveUp
}
