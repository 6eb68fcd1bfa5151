use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use sqlx::{Any, AnyConnection, Transaction};

use crate::Result;
use crate::changes::{CHANNEL, Changed, Feed};
use crate::events::{self, NewEvent};

/// One transaction that changes something, and what it tells all nodes once it is committed. Dropped before, it
/// changes and tells nothing.
#[derive(Debug)]
pub(crate) struct Change {
    transaction: Transaction<'static, Any>,
    feed: Arc<Feed>,
    news: Vec<Changed>,
    events: Vec<NewEvent>,
    shared: bool,
}

impl Change {
    pub(super) fn new(
        transaction: Transaction<'static, Any>,
        feed: Arc<Feed>,
        shared: bool,
    ) -> Self {
        Self {
            transaction,
            feed,
            news: Vec::new(),
            events: Vec::new(),
            shared,
        }
    }

    /// Notes what all nodes are to be told. Whatever writes an audit record has done so.
    pub(crate) fn tell(&mut self, changed: Changed) {
        if !self.news.iter_mut().any(|news| news.merge(&changed)) {
            self.news.push(changed);
        }
    }

    /// Notes what happens by this change.
    pub(crate) fn happens(&mut self, event: NewEvent) {
        self.events.push(event);
    }

    /// Makes it so, durably, and tells.
    pub(crate) async fn commit(mut self) -> Result<()> {
        if !self.events.is_empty() {
            let happened = std::mem::take(&mut self.events);
            events::write(&mut self.transaction, &happened).await?;
            self.tell(Changed::Events);
        }
        if self.shared {
            for payload in self.news.iter().flat_map(|news| self.feed.payloads(news)) {
                sqlx::query("SELECT pg_notify($1, $2)")
                    .bind(CHANNEL)
                    .bind(payload)
                    .execute(&mut *self.transaction)
                    .await?;
            }
        }
        if let Err(error) = self.transaction.commit().await {
            // Whether it was made nobody knows: what was to change is to be read anew, as if another had changed it.
            self.feed.tell_unsure(self.news);
            return Err(error.into());
        }
        self.feed.tell_here(self.news);
        Ok(())
    }
}

impl Deref for Change {
    type Target = AnyConnection;

    fn deref(&self) -> &AnyConnection {
        &self.transaction
    }
}

impl DerefMut for Change {
    fn deref_mut(&mut self) -> &mut AnyConnection {
        &mut self.transaction
    }
}
