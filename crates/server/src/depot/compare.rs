//! Bringing `stable` and what is blocked to what both sides agree on.

use std::collections::BTreeSet;

use updraft_protocol::api::ReleaseStatus;
use updraft_protocol::version::{self, Version};
use updraft_store::depot::Metadata;
use updraft_store::{Agreed, DepotChange, NewRelease};

use super::failed::{is_of_server, of_one_file};
use super::merge::{BlockPlan, Blocks, ProductionPlan, There, blocks, production};
use super::pass::{Pass, push};
use super::{ACTOR, content};
use crate::error::ApiResult;
use crate::published::shorten;

const BLOCKED: &str = "rollback/blocked_versions.json";
const PRODUCTION: &str = "production";

/// Why a version is blocked for which nobody gave a reason.
const NO_REASON: &str = "blocked in the artifact store";

/// Longest reason in bytes, as for one given here.
const MAX_REASON: usize = 512;

impl Pass<'_> {
    /// Makes both sides agree; notes whether something changed here. What is blocked is agreed on even where a
    /// promotion cannot be written.
    pub(super) async fn agree(
        &mut self,
        there: &There,
        stable: Option<Version>,
        has_news: &mut bool,
    ) -> ApiResult<()> {
        let store = self.state.store();
        let location = self.depot.shown().to_owned();
        let was = store.agreed(&location, self.device_type).await?;
        let mut now = was.clone();
        let mut changes = Vec::new();
        if let Some(mut plan) = self.plan_blocks(&was).await? {
            if self.write_blocks(&plan).await? {
                now.blocked = std::mem::take(&mut plan.agreed);
            } else {
                // Nothing is agreed on; a block does not wait for that.
                plan.unblock_here.clear();
            }
            self.take_blocks(&plan, &mut changes);
        }
        let agreed = was
            .production
            .as_deref()
            .and_then(|text| version::parse(text).ok());
        let mut failed = Ok(());
        let deployed = match production(agreed.as_ref(), stable.as_ref(), there) {
            ProductionPlan::Leave => match there {
                There::Version(version) => Some(version.clone()),
                _ => agreed,
            },
            ProductionPlan::Promote(version) => {
                self.take_promotion(&version, &mut changes);
                Some(version)
            }
            ProductionPlan::Write(version) => match self.write_production(&version).await {
                Ok(true) => Some(version),
                Ok(false) => agreed,
                Err(error) => {
                    failed = Err(error);
                    agreed
                }
            },
        };
        now.production = deployed.map(|version| version.to_string());
        if now != was || !changes.is_empty() {
            self.turn.check().await?;
            let agreed = store.agree(&location, self.device_type, &now, &changes, ACTOR);
            // Else another server was faster, and this one hears of it as of any change.
            if agreed.await? {
                self.show(&changes);
            }
            *has_news |= !changes.is_empty();
        }
        match failed {
            Err(error) if !is_of_server(&error) => {
                let note = self.refused(PRODUCTION, &error);
                self.show_refused(note);
                Ok(())
            }
            failed => failed,
        }
    }

    async fn plan_blocks(&mut self, was: &Agreed) -> ApiResult<Option<BlockPlan>> {
        let there = match &self.folder.blocked {
            None => None,
            Some(_) => match of_one_file(self.depot.blocked(self.device_type).await)? {
                Ok(there) => there,
                Err(error) => {
                    let note = self.refused(BLOCKED, &error);
                    self.show_refused(note);
                    return Ok(None);
                }
            },
        };
        let there: Option<Blocks> = there.map(|there| {
            let clean = |reason: String| match reason.trim() {
                "" => NO_REASON.to_owned(),
                reason => shorten(reason, MAX_REASON).to_owned(),
            };
            let versions = there.versions().into_iter();
            versions
                .map(|(version, reason)| (version, clean(reason)))
                .collect()
        });
        let here: Blocks = self
            .known
            .iter()
            .filter_map(|(version, release)| Some((version.to_string(), release.blocked.clone()?)))
            .collect();
        let known: BTreeSet<String> = self.known.keys().map(ToString::to_string).collect();
        Ok(Some(blocks(
            &was.blocked,
            &here,
            there.as_ref(),
            |version| known.contains(version),
        )))
    }

    /// Writes what is blocked here into the file; says whether that could be done.
    async fn write_blocks(&mut self, plan: &BlockPlan) -> ApiResult<bool> {
        if plan.block_there.is_empty() && plan.unblock_there.is_empty() {
            return Ok(true);
        }
        self.turn.check().await?;
        let changed = self.depot.change_blocked(self.device_type, |blocked| {
            for (version, reason) in &plan.block_there {
                blocked.block(version, reason);
            }
            for version in &plan.unblock_there {
                blocked.unblock(version);
            }
        });
        match of_one_file(changed.await)? {
            Ok(_) => {
                self.show_written(BLOCKED);
                Ok(true)
            }
            Err(error) => {
                let note = self.refused(BLOCKED, &error);
                self.show_refused(note);
                Ok(false)
            }
        }
    }

    fn take_blocks(&self, plan: &BlockPlan, changes: &mut Vec<DepotChange>) {
        for (version, reason) in &plan.block_here {
            if let Some(release_id) = self.id(version) {
                let reason = reason.clone();
                changes.push(DepotChange::Block { release_id, reason });
            }
        }
        for version in &plan.unblock_here {
            if let Some(release_id) = self.id(version) {
                changes.push(DepotChange::Unblock { release_id });
            }
        }
    }

    /// Points `stable` at what is deployed. Only that is: what is newer and was offered to everybody is not any more.
    fn take_promotion(&self, deployed: &Version, changes: &mut Vec<DepotChange>) {
        for (version, release) in &self.known {
            let release_id = release.id.clone();
            if version == deployed {
                changes.push(DepotChange::Promote { release_id });
            } else if release.status == ReleaseStatus::Stable
                && version::is_newer(version, deployed)
            {
                changes.push(DepotChange::Withdraw { release_id });
            }
        }
    }

    /// Writes `production/`; says no about a version that was published since this look began.
    async fn write_production(&mut self, version: &Version) -> ApiResult<bool> {
        let Some((release, new)) = self
            .known
            .get(version)
            .and_then(|release| Some((release.clone(), NewRelease::again(release)?)))
        else {
            return Ok(false);
        };
        let bytes = content::bytes(self.state, &release).await?;
        let metadata = Metadata::of(&new);
        // To fetch an image may have taken long.
        self.turn.check().await?;
        self.depot
            .promote(self.device_type, version, bytes, &metadata)
            .await?;
        self.show_written(PRODUCTION);
        Ok(true)
    }

    fn id(&self, version: &str) -> Option<String> {
        let version = Version::parse(version).ok()?;
        self.known.get(&version).map(|release| release.id.clone())
    }

    fn show(&mut self, changes: &[DepotChange]) {
        for change in changes {
            let (id, list, what) = match change {
                DepotChange::Block { release_id, .. } => {
                    (release_id, &mut self.report.blocked, "blocked")
                }
                DepotChange::Unblock { release_id } => {
                    (release_id, &mut self.report.unblocked, "unblocked")
                }
                DepotChange::Promote { release_id } => {
                    (release_id, &mut self.report.promoted, "promoted")
                }
                DepotChange::Withdraw { release_id } => {
                    (release_id, &mut self.report.withdrawn, "withdrawn")
                }
            };
            let found = self.known.iter().find(|(_, release)| release.id == *id);
            if let Some((version, _)) = found {
                let entry = updraft_protocol::api::SyncedRelease {
                    device_type: self.device_type.clone(),
                    version: version.to_string(),
                };
                tracing::info!(device_type = %entry.device_type, version = entry.version, "{what} by the artifact store");
                push(list, entry);
            }
        }
    }
}
