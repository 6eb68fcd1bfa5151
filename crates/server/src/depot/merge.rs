//! Two sides and what they last agreed on: who changed what, and what follows. Pure.
//!
//! A side that differs from what was agreed has changed it. Where both did, the artifact store wins, except that a
//! block never gives way.

use std::collections::{BTreeMap, BTreeSet};

use updraft_protocol::version::Version;

/// Blocked versions and why.
pub(super) type Blocks = BTreeMap<String, String>;

/// What follows for blocked versions.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct BlockPlan {
    /// To be blocked here, for this reason.
    pub(super) block_here: Blocks,
    /// To be unblocked here.
    pub(super) unblock_here: BTreeSet<String>,
    /// To be blocked there, for this reason.
    pub(super) block_there: Blocks,
    /// To be unblocked there.
    pub(super) unblock_there: BTreeSet<String>,
    /// What is agreed on then.
    pub(super) agreed: Blocks,
}

/// Compares what is blocked. `there` is none if nobody wrote the file, which lifts no block: a file can be lost.
/// Versions of which there is no release here (`known`) are left alone until there is.
pub(super) fn blocks(
    agreed: &Blocks,
    here: &Blocks,
    there: Option<&Blocks>,
    known: impl Fn(&str) -> bool,
) -> BlockPlan {
    let mut plan = BlockPlan::default();
    let lost = there.is_none();
    let there = there.unwrap_or(agreed);
    let versions: BTreeSet<&String> = agreed
        .keys()
        .chain(here.keys())
        .chain(there.keys())
        .collect();
    for version in versions.into_iter().filter(|version| known(version)) {
        let (was, ours, theirs) = (agreed.get(version), here.get(version), there.get(version));
        let (we_changed, they_changed) = (ours != was, theirs != was);
        let reason = match (they_changed, we_changed) {
            (true, true) => theirs.or(ours),
            (true, false) => theirs,
            (false, _) => ours,
        };
        if let Some(reason) = reason {
            if ours != Some(reason) {
                plan.block_here.insert(version.clone(), reason.clone());
            }
            if lost || theirs != Some(reason) {
                plan.block_there.insert(version.clone(), reason.clone());
            }
            plan.agreed.insert(version.clone(), reason.clone());
            continue;
        }
        if ours.is_some() {
            plan.unblock_here.insert(version.clone());
        }
        if theirs.is_some() && !lost {
            plan.unblock_there.insert(version.clone());
        }
    }
    plan
}

/// What `production/` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum There {
    /// Nothing: no file is there.
    Nothing,
    /// Nothing that could be taken: it is half done, or wrong.
    Unclear,
    /// This version is deployed.
    Version(Version),
}

/// What follows for `stable` and `production/`.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ProductionPlan {
    /// Nothing: they agree, or somebody is at work there.
    Leave,
    /// `stable` is to point at this version.
    Promote(Version),
    /// `production/` is to describe this version.
    Write(Version),
}

/// Compares what is deployed.
pub(super) fn production(
    agreed: Option<&Version>,
    here: Option<&Version>,
    there: &There,
) -> ProductionPlan {
    match (there, here) {
        (There::Version(theirs), here) if here == Some(theirs) => ProductionPlan::Leave,
        (There::Version(theirs), _) if agreed != Some(theirs) => {
            ProductionPlan::Promote(theirs.clone())
        }
        (There::Version(_) | There::Nothing, Some(ours)) => ProductionPlan::Write(ours.clone()),
        // A promotion of ours that was cut off is finished; one of somebody else's is left to them.
        (There::Unclear, Some(ours)) if agreed != Some(ours) => ProductionPlan::Write(ours.clone()),
        _ => ProductionPlan::Leave,
    }
}

#[cfg(test)]
mod tests;
