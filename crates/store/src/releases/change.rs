use serde_json::json;
use updraft_protocol::Digest;
use updraft_protocol::api::{Release, ReleaseChange, ReleaseStatus};

use super::row;
use crate::changes::Changed;
use crate::store::Change;
use crate::{Result, Store, StoreError, audit, channels};

impl Store {
    /// Changes what may be changed of a release.
    pub async fn change_release(
        &self,
        id: &str,
        wanted: &ReleaseChange,
        actor: &str,
    ) -> Result<Release> {
        let mut change = self.change().await?;
        let was = row::find(&mut change, id).await?;
        let from_versions = match wanted.from_versions.as_deref() {
            Some("") => None,
            Some(wanted) => Some(wanted),
            None => was.from_versions.as_deref(),
        };
        sqlx::query(
            "UPDATE releases SET status = $1, description = $2, required = $3, from_versions = $4,
                 stepping_stone = $5
             WHERE id = $6",
        )
        .bind(wanted.status.unwrap_or(was.status).as_str())
        .bind(wanted.description.as_ref().unwrap_or(&was.description))
        .bind(i64::from(wanted.required.unwrap_or(was.required)))
        .bind(from_versions)
        .bind(i64::from(
            wanted.stepping_stone.unwrap_or(was.stepping_stone),
        ))
        .bind(id)
        .execute(&mut *change)
        .await?;
        let detail = json!({ "to": wanted, "was": {
            "status": was.status, "description": was.description, "required": was.required,
            "from_versions": was.from_versions, "stepping_stone": was.stepping_stone,
        }});
        audit::record(&mut change, actor, "release.change", id, detail).await?;
        let release = row::find(&mut change, id).await?;
        change.commit().await?;
        Ok(release)
    }

    /// Blocks a release with a reason, or unblocks it.
    pub async fn block_release(
        &self,
        id: &str,
        reason: Option<&str>,
        actor: &str,
    ) -> Result<Release> {
        let mut change = self.change().await?;
        let release = block(&mut change, id, reason, actor).await?;
        change.commit().await?;
        Ok(release)
    }

    /// Points a channel at a release. Promotion to `stable` also makes the release stable.
    pub async fn promote_release(&self, id: &str, channel: &str, actor: &str) -> Result<Release> {
        let mut change = self.change().await?;
        let release = promote(&mut change, id, channel, actor).await?;
        change.commit().await?;
        Ok(release)
    }

    /// Notes durably that a release is about to be offered for the first time. Returns whether it still
    /// exists; an offer may only leave when it does.
    pub async fn mark_offered(&self, id: &str) -> Result<bool> {
        let mut change = self.change().await?;
        let done = sqlx::query("UPDATE releases SET offered = 1 WHERE id = $1")
            .bind(id)
            .execute(&mut *change)
            .await?;
        if done.rows_affected() > 0 {
            change.tell(Changed::Releases);
        }
        change.commit().await?;
        Ok(done.rows_affected() > 0)
    }

    /// Deletes a release that was never offered, with its file if no other release has the same bytes.
    pub async fn delete_release(&self, id: &str, actor: &str) -> Result<()> {
        let _files = self.lock_files().await?;
        let mut change = self.change().await?;
        let release = row::find(&mut change, id).await?;
        let rollouts: i64 =
            sqlx::query_scalar("SELECT COUNT(*) FROM rollouts WHERE release_id = $1")
                .bind(id)
                .fetch_one(&mut *change)
                .await?;
        // A device that reported on it without an offer counts like one that was offered it.
        let deployments: i64 =
            sqlx::query_scalar("SELECT COUNT(*) FROM deployments WHERE release_id = $1")
                .bind(id)
                .fetch_one(&mut *change)
                .await?;
        if release.offered || deployments + rollouts > 0 {
            return Err(StoreError::WasOffered {
                device_type: release.device_type,
                version: release.version,
            });
        }
        channels::forget(&mut change, id).await?;
        sqlx::query("DELETE FROM releases WHERE id = $1")
            .bind(id)
            .execute(&mut *change)
            .await?;
        let last = self.forget_artifact(&mut change, release.sha256).await?;
        let detail = json!({
            "device_type": release.device_type, "version": release.version, "sha256": release.sha256,
        });
        audit::record(&mut change, actor, "release.delete", id, detail).await?;
        change.commit().await?;
        if last {
            let sha256 = release.sha256;
            self.blocking(move |artifacts| artifacts.remove(sha256))
                .await?;
        }
        Ok(())
    }

    /// Deletes an artifact's row if no release names it any more; says whether it did.
    async fn forget_artifact(&self, change: &mut Change, sha256: Digest) -> Result<bool> {
        let done = sqlx::query(
            "DELETE FROM artifacts WHERE sha256 = $1
             AND NOT EXISTS (SELECT 1 FROM releases WHERE releases.sha256 = artifacts.sha256)",
        )
        .bind(sha256.to_string())
        .execute(&mut **change)
        .await?;
        Ok(done.rows_affected() > 0)
    }
}

/// Blocks a release with a reason, or unblocks it.
pub(crate) async fn block(
    change: &mut Change,
    id: &str,
    reason: Option<&str>,
    actor: &str,
) -> Result<Release> {
    let was = row::find(change, id).await?.blocked;
    sqlx::query("UPDATE releases SET blocked = $1 WHERE id = $2")
        .bind(reason)
        .bind(id)
        .execute(&mut **change)
        .await?;
    let release = row::find(change, id).await?;
    let action = match reason {
        Some(_) => "release.block",
        None => "release.unblock",
    };
    let detail = json!({
        "device_type": release.device_type, "version": release.version, "reason": reason, "was": was,
    });
    audit::record(change, actor, action, id, detail).await?;
    Ok(release)
}

/// Points a channel at a release. Promotion to `stable` also makes the release stable.
pub(crate) async fn promote(
    change: &mut Change,
    id: &str,
    channel: &str,
    actor: &str,
) -> Result<Release> {
    let release = row::find(change, id).await?;
    if channel == "stable" {
        set_status(change, id, ReleaseStatus::Stable).await?;
    }
    let was: Option<String> =
        sqlx::query_scalar("SELECT release_id FROM channels WHERE device_type = $1 AND name = $2")
            .bind(release.device_type.as_str())
            .bind(channel)
            .fetch_optional(&mut **change)
            .await?;
    channels::point(change, &release.device_type, channel, id).await?;
    let detail = json!({
        "device_type": release.device_type, "version": release.version, "channel": channel, "was": release.status,
        "channel_was": was,
    });
    audit::record(change, actor, "release.promote", id, detail).await?;
    row::find(change, id).await
}

/// Keeps a release to the devices whose channel points at it.
pub(crate) async fn withdraw(change: &mut Change, id: &str, actor: &str) -> Result<()> {
    let was = row::find(change, id).await?;
    let to = ReleaseStatus::Testing;
    set_status(change, id, to).await?;
    let detail = json!({ "to": { "status": to }, "was": { "status": was.status } });
    audit::record(change, actor, "release.change", id, detail).await
}

async fn set_status(change: &mut Change, id: &str, status: ReleaseStatus) -> Result<()> {
    sqlx::query("UPDATE releases SET status = $1 WHERE id = $2")
        .bind(status.as_str())
        .bind(id)
        .execute(&mut **change)
        .await?;
    Ok(())
}
