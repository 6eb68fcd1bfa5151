use std::collections::BTreeMap;

use updraft_protocol::DeviceTypeName;
use updraft_protocol::api::{Release, SyncReport};
use updraft_protocol::version::{self, Version};
use updraft_store::DepotTurn;

use super::failed::{ends_the_look, is_of_server};
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
///
/// One node at a time does, and reads what it goes by in its turn: what a slow one read before another wrote would undo
/// that. What is wrong with one device type keeps no other back; if the server itself failed at one, that is the error
/// when all others are done.
pub(crate) async fn sync(state: &AppState, effort: Effort) -> ApiResult<SyncReport> {
    let side = state.depot().ok_or_else(no_depot)?;
    let mut memory = side.memory.lock().await;
    let mut turn = state.store().depot_turn().await?;
    let mut report = SyncReport {
        artifacts: side.depot.shown().to_owned(),
        ..SyncReport::default()
    };
    let mut changed = false;
    let looked = look(
        state,
        effort,
        &mut memory,
        &mut turn,
        &mut report,
        &mut changed,
    );
    let looked = looked.await;
    drop(turn);
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
    turn: &mut DepotTurn,
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
    let mut failed = Ok(());
    for (device_type, folder) in &survey.types {
        turn.check().await?;
        let mut pass = Pass {
            state,
            depot: &side.depot,
            turn,
            device_type,
            folder,
            effort,
            memory,
            report,
            known: known.remove(device_type).unwrap_or_default(),
        };
        match pass.run(changed).await {
            Ok(()) => {}
            Err(error) if ends_the_look(&error) => return Err(error),
            Err(error) => {
                let note = pass.refused("", &error);
                pass.show_refused(note);
                if is_of_server(&error) {
                    failed = failed.and(Err(error));
                }
            }
        }
    }
    failed
}

impl Pass<'_> {
    async fn run(&mut self, changed: &mut bool) -> ApiResult<()> {
        self.import_releases().await?;
        let production = self.read_production().await?;
        self.export_releases().await?;
        let stable = stable(self.state, self.device_type).await?;
        self.agree(&production, stable, changed).await
    }
}

/// The version that `stable` points at.
async fn stable(state: &AppState, device_type: &DeviceTypeName) -> ApiResult<Option<Version>> {
    let channels = state.store().channels().await?;
    let stable = channels
        .iter()
        .find(|channel| channel.name == "stable" && channel.device_type == *device_type);
    Ok(stable.and_then(|channel| version::parse(&channel.version).ok()))
}
