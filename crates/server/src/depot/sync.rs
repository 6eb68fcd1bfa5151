use std::collections::BTreeMap;

use updraft_protocol::DeviceTypeName;
use updraft_protocol::api::{Release, SyncReport};
use updraft_protocol::version::{self, Version};

use super::no_depot;
use super::pass::{Memory, Pass};
use crate::error::ApiResult;
use crate::state::AppState;

/// How closely to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effort {
    /// At what changed since the last time.
    Changes,
    /// Also again at what was refused: what it was refused for may have changed here.
    Thorough,
}

impl Effort {
    pub(super) fn is_thorough(self) -> bool {
        self == Self::Thorough
    }
}

/// The releases of one type, by version.
type Releases = BTreeMap<Version, Release>;

/// Looks at the whole artifact store and makes both sides agree. Done twice, the second time changes nothing.
pub(crate) async fn sync(state: &AppState, effort: Effort) -> ApiResult<SyncReport> {
    let side = state.depot().ok_or_else(no_depot)?;
    let mut memory = side.memory.lock().await;
    let mut report = SyncReport {
        artifacts: side.depot.shown().to_owned(),
        ..SyncReport::default()
    };
    let mut changed = false;
    let looked = look(state, effort, &mut memory, &mut report, &mut changed).await;
    // What was changed takes effect also where the rest failed.
    if changed || !report.published.is_empty() {
        state.reread().await?;
    }
    looked.map(|()| report)
}

async fn look(
    state: &AppState,
    effort: Effort,
    memory: &mut Memory,
    report: &mut SyncReport,
    changed: &mut bool,
) -> ApiResult<()> {
    let side = state.depot().ok_or_else(no_depot)?;
    let mut survey = side.depot.survey().await?;
    report.device_types = survey.types.len() as u32;
    let mut known: BTreeMap<DeviceTypeName, Releases> = BTreeMap::new();
    for release in state.store().releases().await? {
        if let Ok(version) = version::parse(&release.version) {
            let releases = known.entry(release.device_type.clone()).or_default();
            releases.insert(version, release);
        }
    }
    for name in known.keys() {
        survey.types.entry(name.clone()).or_default();
    }
    for (device_type, folder) in &survey.types {
        let mut pass = Pass {
            state,
            depot: &side.depot,
            device_type,
            folder,
            effort,
            memory,
            report,
            known: known.remove(device_type).unwrap_or_default(),
        };
        pass.import_releases().await?;
        let production = pass.read_production().await?;
        pass.export_releases().await?;
        let stable = stable(state, device_type).await?;
        *changed |= pass.agree(&production, stable).await?;
    }
    Ok(())
}

/// The version that `stable` points at.
async fn stable(state: &AppState, device_type: &DeviceTypeName) -> ApiResult<Option<Version>> {
    let channels = state.store().channels().await?;
    let stable = channels
        .iter()
        .find(|channel| channel.name == "stable" && channel.device_type == *device_type);
    Ok(stable.and_then(|channel| version::parse(&channel.version).ok()))
}
