//! One look at one device type.

use std::collections::{BTreeMap, HashMap};

use updraft_protocol::DeviceTypeName;
use updraft_protocol::api::{Release, SyncNote, SyncReport, SyncedRelease};
use updraft_protocol::version::Version;
use updraft_store::DepotTurn;
use updraft_store::depot::{Depot, Files, Production, TypeFolder};

use super::sync::Effort;
use crate::error::ApiError;
use crate::state::AppState;

/// Most entries of each list of a report: more than a person reads.
const MAX_ENTRIES: usize = 1000;

/// What came of looking at some files.
#[derive(Debug, Clone)]
pub(super) enum Looked<T> {
    /// They are as they should be.
    Good(T),
    /// They belong not together yet.
    Half,
    /// They were not taken.
    Refused(SyncNote),
}

/// What was found of files that need no second look until they change.
#[derive(Debug, Default)]
pub(super) struct Memory {
    pub(super) releases: HashMap<(DeviceTypeName, Version), (Files, Looked<()>)>,
    pub(super) production: HashMap<DeviceTypeName, (Files, Looked<Production>)>,
}

/// What a look at one device type needs.
pub(super) struct Pass<'a> {
    pub(super) state: &'a AppState,
    pub(super) depot: &'a Depot,
    /// To be checked before anything is written that others may write, too, and now and then.
    pub(super) turn: &'a mut DepotTurn,
    pub(super) device_type: &'a DeviceTypeName,
    pub(super) folder: &'a TypeFolder,
    pub(super) effort: Effort,
    pub(super) memory: &'a mut Memory,
    pub(super) report: &'a mut SyncReport,
    /// The releases here.
    pub(super) known: BTreeMap<Version, Release>,
}

impl Pass<'_> {
    /// `{type}/{rest}`, for people.
    pub(super) fn path(&self, rest: &str) -> String {
        format!("{}/{rest}", self.device_type)
    }

    pub(super) fn entry(&self, version: &Version) -> SyncedRelease {
        SyncedRelease {
            device_type: self.device_type.clone(),
            version: version.to_string(),
        }
    }

    /// What was not taken, to be shown and logged.
    pub(super) fn refused(&self, rest: &str, error: &ApiError) -> SyncNote {
        let note = SyncNote {
            path: self.path(rest),
            code: error.code().to_owned(),
            message: error.message().to_owned(),
        };
        let SyncNote {
            path,
            code,
            message,
        } = &note;
        tracing::warn!(path, code, "not taken from the artifact store: {message}");
        note
    }

    pub(super) fn show_refused(&mut self, note: SyncNote) {
        push(&mut self.report.refused, note);
    }

    pub(super) fn show_waiting(&mut self, rest: &str, message: &str) {
        let note = SyncNote {
            path: self.path(rest),
            code: "half_done".to_owned(),
            message: message.to_owned(),
        };
        push(&mut self.report.waiting, note);
    }

    pub(super) fn show_written(&mut self, rest: &str) {
        let path = self.path(rest);
        tracing::info!(path, "written to the artifact store");
        push(&mut self.report.written, path);
    }
}

/// Adds to a list of a report, up to its limit.
pub(super) fn push<T>(list: &mut Vec<T>, entry: T) {
    if list.len() < MAX_ENTRIES {
        list.push(entry);
    }
}
