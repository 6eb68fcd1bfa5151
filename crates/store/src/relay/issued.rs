use sqlx::AnyConnection;
use updraft_protocol::Digest;

use super::import::set;
use crate::{Result, Store};

/// Sites whose last snapshot is remembered. One that is forgotten costs its relays one snapshot more.
const MAX_SITES: i64 = 1000;

/// A snapshot that was issued for relays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IssuedSnapshot {
    /// Its number.
    pub revision: i64,
    /// When it was issued, Unix seconds.
    pub at: i64,
}

#[derive(sqlx::FromRow)]
struct Row {
    body: String,
    revision: i64,
    issued_at: i64,
}

impl Store {
    /// Issues a snapshot with a body of this SHA-256 for a site, or for all devices: with a revision higher than every
    /// one before it, on whichever node, unless the last one for the site has the same body and is younger than
    /// `renewed_after` seconds. Then that one holds.
    pub async fn issue_snapshot(
        &self,
        site: Option<&str>,
        body: Digest,
        now: i64,
        renewed_after: i64,
    ) -> Result<IssuedSnapshot> {
        // No string fails to serialise, and in JSON none has a byte that a database refuses.
        let site = serde_json::to_string(&site).unwrap_or_default();
        let body = body.to_string();
        let holds = |row: Option<Row>| {
            let row = row.filter(|row| row.body == body && now < row.issued_at + renewed_after)?;
            Some(IssuedSnapshot {
                revision: row.revision,
                at: row.issued_at,
            })
        };
        // Nearly always: no change has to wait for that.
        let mut reader = self.reader().acquire().await?;
        if let Some(issued) = holds(last(&mut reader, &site).await?) {
            return Ok(issued);
        }
        drop(reader);
        let mut change = self.change().await?;
        // Another node may have issued it meanwhile.
        if let Some(issued) = holds(last(&mut change, &site).await?) {
            return Ok(issued);
        }
        let revision = set(&mut change, "relay_snapshots_issued", "").await?;
        sqlx::query(
            "INSERT INTO relay_snapshots (site, body, revision, issued_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (site) DO UPDATE SET
                 body = excluded.body, revision = excluded.revision, issued_at = excluded.issued_at",
        )
        .bind(&site)
        .bind(&body)
        .bind(revision)
        .bind(now)
        .execute(&mut *change)
        .await?;
        sqlx::query(
            "DELETE FROM relay_snapshots WHERE site IN
                 (SELECT site FROM relay_snapshots ORDER BY revision DESC LIMIT 100 OFFSET $1)",
        )
        .bind(MAX_SITES)
        .execute(&mut *change)
        .await?;
        change.commit().await?;
        Ok(IssuedSnapshot { revision, at: now })
    }
}

async fn last(connection: &mut AnyConnection, site: &str) -> Result<Option<Row>> {
    Ok(
        sqlx::query_as("SELECT body, revision, issued_at FROM relay_snapshots WHERE site = $1")
            .bind(site)
            .fetch_optional(connection)
            .await?,
    )
}
