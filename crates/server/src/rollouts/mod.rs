//! Rollouts at work: their machines in memory, moved on by what devices say, by people and by time.
//!
//! Every change goes one way: the machines are copied, the copies take the events, what they became is written
//! together with the devices' news and the audit record in one transaction, and only then do the copies take the
//! originals' places and the offers change. A server that is killed in between has changed nothing.

mod audit;
mod back;
mod command;
mod commit;
mod perform;
mod preview;
mod rehearse;
mod relay;
mod reread;
mod rows;
mod show;
mod timers;
mod work;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tokio::sync::Mutex;
use updraft_rollout::{Plan, Progress, RolloutMachine};
use updraft_store::{RolloutRecord, StoreError};

pub(crate) use command::{Command, Draft, DraftError};
pub(crate) use commit::CommitError;
pub(crate) use rehearse::{RehearseError, ToRehearse};
pub(crate) use relay::taken_over;
pub(crate) use rows::{Row, is_word};
pub(crate) use timers::{Due, Timers};

/// One rollout in memory.
#[derive(Debug, Clone)]
pub(crate) struct Live {
    pub(crate) record: RolloutRecord,
    pub(crate) machine: RolloutMachine,
}

impl Live {
    /// A rollout as it was kept.
    fn new(record: RolloutRecord) -> Result<Self, StoreError> {
        let unreadable = |column, value: &str| StoreError::Unreadable {
            table: "rollouts",
            column,
            value: value.to_owned(),
        };
        let plan = Plan::new(record.plan.clone())
            .map_err(|error| unreadable("plan", &error.to_string()))?;
        let progress: Progress = serde_json::from_str(&record.machine)
            .map_err(|_| unreadable("machine", &record.machine))?;
        Ok(Self {
            machine: RolloutMachine::resume(Arc::new(plan), progress),
            record,
        })
    }

    /// The record takes over what is shown of the machine.
    fn settle(&mut self) {
        let progress = self.machine.progress();
        let record = &mut self.record;
        record.state = progress.state;
        record.started_at = progress.started_at;
        record.started_by.clone_from(&progress.started_by);
        record.ended_at = progress.ended_at;
    }
}

/// Every rollout.
#[derive(Debug, Default)]
pub(crate) struct Rollouts {
    /// Held from the first event to what is on disk and published: one change after the other.
    live: Mutex<BTreeMap<String, Live>>,
    /// Other nodes heard of devices since the rollouts were read: their counts may be others by now.
    counted_elsewhere: AtomicBool,
}

impl Rollouts {
    /// The rollouts as they were kept.
    pub(crate) fn new(records: Vec<RolloutRecord>) -> Result<Self, StoreError> {
        let live = records
            .into_iter()
            .map(|record| Ok((record.id.clone(), Live::new(record)?)))
            .collect::<Result<_, StoreError>>()?;
        Ok(Self {
            live: Mutex::new(live),
            counted_elsewhere: AtomicBool::new(false),
        })
    }
}
