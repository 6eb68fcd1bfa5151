use serde_json::json;

use crate::id::{new_id, unix_now};
use crate::{Result, Store, StoreError, audit};

/// Where events are posted to.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct WebhookRecord {
    /// Its id.
    pub id: String,
    /// Where to.
    pub url: String,
    /// What deliveries are signed with.
    pub secret: String,
    /// Kinds of events, with commas between them; empty means all but those of webhooks.
    pub kinds: String,
    /// Why nothing is sent any more; empty while it is active.
    pub disabled: String,
    /// When it was added, Unix seconds.
    pub created_at: i64,
    /// Who added it.
    pub created_by: String,
    /// The last event that was delivered, passed over or given up.
    pub event: i64,
    /// How often the next one was tried in vain.
    pub tries: i64,
    /// When it is tried next, Unix seconds.
    pub next_at: i64,
    /// Since when nothing was delivered, Unix seconds, if the last try failed.
    pub failing_since: Option<i64>,
    /// When something was last delivered, Unix seconds.
    pub delivered_at: Option<i64>,
    /// Why the last try failed.
    pub last_error: Option<String>,
}

/// A webhook to be added.
#[derive(Debug, Clone)]
pub struct NewWebhook {
    /// Where to.
    pub url: String,
    /// What deliveries are signed with.
    pub secret: String,
    /// Kinds of events, with commas between them.
    pub kinds: String,
}

/// What is to be remembered of a hook beside where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WebhookNews {
    /// Nothing.
    None,
    /// An event was given up after too many tries.
    GaveUp,
    /// Nothing is sent any more, for this reason.
    Disabled(String),
}

const COLUMNS: &str = "id, url, secret, kinds, disabled, created_at, created_by, event, tries, next_at, failing_since,
    delivered_at, last_error";

impl Store {
    /// Adds a webhook, which gets what happens from now on; none if there are so many already.
    pub async fn add_webhook(
        &self,
        new: &NewWebhook,
        most: u32,
        actor: &str,
    ) -> Result<Option<WebhookRecord>> {
        let mut change = self.change().await?;
        let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM webhooks")
            .fetch_one(&mut *change)
            .await?;
        if count >= i64::from(most) {
            return Ok(None);
        }
        let event: i64 = sqlx::query_scalar("SELECT last FROM event_numbers WHERE name = 'events'")
            .fetch_one(&mut *change)
            .await?;
        let record = WebhookRecord {
            id: new_id(),
            url: new.url.clone(),
            secret: new.secret.clone(),
            kinds: new.kinds.clone(),
            disabled: String::new(),
            created_at: unix_now(),
            created_by: actor.to_owned(),
            event,
            tries: 0,
            next_at: 0,
            failing_since: None,
            delivered_at: None,
            last_error: None,
        };
        sqlx::query(
            "INSERT INTO webhooks (id, url, secret, kinds, disabled, created_at, created_by, event, tries, next_at,
                 lease, lease_until)
             VALUES ($1, $2, $3, $4, '', $5, $6, $7, 0, 0, '', 0)",
        )
        .bind(&record.id)
        .bind(&record.url)
        .bind(&record.secret)
        .bind(&record.kinds)
        .bind(record.created_at)
        .bind(&record.created_by)
        .bind(record.event)
        .execute(&mut *change)
        .await?;
        let detail = json!({ "url": record.url, "types": record.kinds });
        audit::record(&mut change, actor, "webhook.add", &record.id, detail).await?;
        change.commit().await?;
        Ok(Some(record))
    }

    /// All webhooks, the oldest first.
    pub async fn webhooks(&self) -> Result<Vec<WebhookRecord>> {
        let select = format!("SELECT {COLUMNS} FROM webhooks ORDER BY id");
        Ok(sqlx::query_as(sqlx::AssertSqlSafe(select))
            .fetch_all(self.reader())
            .await?)
    }

    /// Removes a webhook.
    pub async fn remove_webhook(&self, id: &str, actor: &str) -> Result<()> {
        let mut change = self.change().await?;
        let url: Option<String> =
            sqlx::query_scalar("DELETE FROM webhooks WHERE id = $1 RETURNING url")
                .bind(id)
                .fetch_optional(&mut *change)
                .await?;
        let url = url.ok_or_else(|| unknown(id))?;
        audit::record(
            &mut change,
            actor,
            "webhook.remove",
            id,
            json!({ "url": url }),
        )
        .await?;
        change.commit().await
    }

    /// Lets a disabled webhook go on where it stopped.
    pub async fn enable_webhook(&self, id: &str, actor: &str) -> Result<()> {
        let mut change = self.change().await?;
        let done = sqlx::query(
            "UPDATE webhooks SET disabled = '', tries = 0, next_at = 0, failing_since = NULL WHERE id = $1",
        )
        .bind(id)
        .execute(&mut *change)
        .await?;
        if done.rows_affected() == 0 {
            return Err(unknown(id));
        }
        audit::record(&mut change, actor, "webhook.enable", id, json!({})).await?;
        change.commit().await
    }

    /// Takes a webhook that is due for one node, until some time; none if it is not due, or another node has it.
    pub async fn claim_webhook(
        &self,
        id: &str,
        node: &str,
        now: i64,
        until: i64,
    ) -> Result<Option<WebhookRecord>> {
        let mut change = self.beside().await?;
        let claim = format!(
            "UPDATE webhooks SET lease = $1, lease_until = $2
             WHERE id = $3 AND disabled = '' AND next_at <= $4 AND (lease = $1 OR lease_until <= $4)
             RETURNING {COLUMNS}"
        );
        let claimed = sqlx::query_as(sqlx::AssertSqlSafe(claim))
            .bind(node)
            .bind(until)
            .bind(id)
            .bind(now)
            .fetch_optional(&mut *change)
            .await?;
        change.commit().await?;
        Ok(claimed)
    }

    /// Notes where a webhook stands, and lets go of it unless `keeps`. Says no if another node took it meanwhile, or it
    /// is gone.
    pub async fn settle_webhook(
        &self,
        stands: &WebhookRecord,
        node: &str,
        keeps: bool,
        news: &WebhookNews,
    ) -> Result<bool> {
        let mut change = match news {
            WebhookNews::None => self.beside().await?,
            _ => self.change().await?,
        };
        let disabled = match news {
            WebhookNews::Disabled(why) => why.as_str(),
            _ => "",
        };
        let done = sqlx::query(
            "UPDATE webhooks SET event = $1, tries = $2, next_at = $3, failing_since = $4, delivered_at = $5,
                 last_error = $6, disabled = $7, lease_until = CASE WHEN $8 = 1 THEN lease_until ELSE 0 END
             WHERE id = $9 AND lease = $10",
        )
        .bind(stands.event)
        .bind(stands.tries)
        .bind(stands.next_at)
        .bind(stands.failing_since)
        .bind(stands.delivered_at)
        .bind(&stands.last_error)
        .bind(disabled)
        .bind(i64::from(keeps))
        .bind(&stands.id)
        .bind(node)
        .execute(&mut *change)
        .await?;
        if done.rows_affected() == 0 {
            return Ok(false);
        }
        let action = match news {
            WebhookNews::None => None,
            WebhookNews::GaveUp => Some("webhook.gave_up"),
            WebhookNews::Disabled(_) => Some("webhook.disable"),
        };
        if let Some(action) = action {
            let detail = json!({
                "url": stands.url, "event": stands.event, "error": stands.last_error, "why": disabled,
            });
            audit::record(&mut change, "server", action, &stands.id, detail).await?;
        }
        change.commit().await?;
        Ok(true)
    }

    /// Lets go of whatever webhooks this node has taken.
    pub async fn release_webhooks(&self, node: &str) -> Result<()> {
        let mut change = self.beside().await?;
        sqlx::query("UPDATE webhooks SET lease_until = 0 WHERE lease = $1")
            .bind(node)
            .execute(&mut *change)
            .await?;
        change.commit().await
    }
}

fn unknown(id: &str) -> StoreError {
    StoreError::NotFound {
        what: "webhook",
        name: id.to_owned(),
    }
}
