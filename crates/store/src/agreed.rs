//! What this server's rows and an artifact store last agreed on.

use std::collections::BTreeMap;

use sqlx::{Any, Transaction};
use updraft_protocol::DeviceTypeName;

use crate::releases::change;
use crate::{Result, Store, StoreError};

/// The channel that `production/` stands for.
const STABLE: &str = "stable";

/// What both sides said of one device type when they last agreed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Agreed {
    /// The version deployed, that is, the one that `stable` points at.
    pub production: Option<String>,
    /// What is blocked, and why.
    pub blocked: BTreeMap<String, String>,
    revision: i64,
}

/// Something that the artifact store says and that is to be so here, too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DepotChange {
    /// Block a release.
    Block {
        /// The release.
        release_id: String,
        /// Why.
        reason: String,
    },
    /// Lift a release's block.
    Unblock {
        /// The release.
        release_id: String,
    },
    /// Point `stable` at a release.
    Promote {
        /// The release.
        release_id: String,
    },
    /// Offer a stable release to nobody but those whose channel points at it.
    Withdraw {
        /// The release.
        release_id: String,
    },
}

/// This node's turn with the artifact store: no other node over the same database has one until this goes, or its
/// process dies, or it does nothing with it for ten minutes.
#[derive(Debug)]
pub struct DepotTurn {
    /// None for one server alone, which needs no turn.
    nodes: Option<Transaction<'static, Any>>,
}

impl DepotTurn {
    /// Fails if the turn is over: what was read before may have changed, and nothing may be written by it.
    pub async fn check(&mut self) -> Result<()> {
        if let Some(nodes) = &mut self.nodes {
            sqlx::query("SELECT 1").execute(&mut **nodes).await?;
        }
        Ok(())
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    production: String,
    blocked: String,
    revision: i64,
}

impl Store {
    /// Waits until no other node is at work on the artifact store; fails after five minutes. What is agreed on and what
    /// follows from it must be read after.
    pub async fn depot_turn(&self) -> Result<DepotTurn> {
        let nodes = self.lock_depot().await?;
        Ok(DepotTurn { nodes })
    }

    /// What this device type's rows and the artifact store at `location` last agreed on; nothing before the first
    /// time.
    pub async fn agreed(&self, location: &str, device_type: &DeviceTypeName) -> Result<Agreed> {
        let row: Option<Row> = sqlx::query_as(
            "SELECT production, blocked, revision FROM depot_agreed WHERE location = $1 AND device_type = $2",
        )
        .bind(location)
        .bind(device_type.as_str())
        .fetch_optional(self.reader())
        .await?;
        let Some(row) = row else {
            return Ok(Agreed::default());
        };
        let blocked = serde_json::from_str(&row.blocked).map_err(|_| StoreError::Unreadable {
            table: "depot_agreed",
            column: "blocked",
            value: row.blocked,
        })?;
        Ok(Agreed {
            production: Some(row.production).filter(|version| !version.is_empty()),
            blocked,
            revision: row.revision,
        })
    }

    /// Makes these changes, with an audit record each, and notes what is agreed on from now on, all in one
    /// transaction. Says no, and does nothing, if another server was faster.
    pub async fn agree(
        &self,
        location: &str,
        device_type: &DeviceTypeName,
        now: &Agreed,
        changes: &[DepotChange],
        actor: &str,
    ) -> Result<bool> {
        let mut transaction = self.change().await?;
        // No reason or version fails to serialise.
        let blocked = serde_json::to_string(&now.blocked).unwrap_or_default();
        let done = sqlx::query(
            "INSERT INTO depot_agreed (location, device_type, production, blocked, revision)
             VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (location, device_type) DO UPDATE SET
                 production = excluded.production, blocked = excluded.blocked, revision = excluded.revision
             WHERE depot_agreed.revision = $6",
        )
        .bind(location)
        .bind(device_type.as_str())
        .bind(now.production.as_deref().unwrap_or_default())
        .bind(blocked)
        .bind(now.revision + 1)
        .bind(now.revision)
        .execute(&mut *transaction)
        .await?;
        if done.rows_affected() == 0 {
            return Ok(false);
        }
        for wanted in changes {
            match wanted {
                DepotChange::Block { release_id, reason } => {
                    change::block(&mut transaction, release_id, Some(reason), actor).await?;
                }
                DepotChange::Unblock { release_id } => {
                    change::block(&mut transaction, release_id, None, actor).await?;
                }
                DepotChange::Promote { release_id } => {
                    change::promote(&mut transaction, release_id, STABLE, actor).await?;
                }
                DepotChange::Withdraw { release_id } => {
                    change::withdraw(&mut transaction, release_id, actor).await?;
                }
            }
        }
        transaction.commit().await?;
        Ok(true)
    }
}
