//! The artifact store beside this server: releases are put there before they are published, fetched from there when
//! this machine has no copy, and what others change there is followed.
//!
//! The depot is the one place of truth for files, this server's database for everything else. The data folder's
//! `artifacts/` is a cache then, by SHA-256 and verified.

mod compare;
mod content;
mod failed;
mod keep;
mod merge;
mod pass;
mod production;
mod releases;
mod sync;
mod watch;

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex, Notify};
use updraft_protocol::Digest;
use updraft_protocol::api::Release;
use updraft_protocol::version;
use updraft_store::depot::Depot;

use crate::error::{ApiError, ApiResult};
use crate::state::AppState;

pub(crate) use content::artifact;
pub(crate) use keep::{no_depot, put};
pub(crate) use sync::{Effort, sync};
pub(crate) use watch::watch;

/// How often the artifact store is looked at. A minute: a CI run takes longer, and a listing of a thousand releases
/// is three requests.
pub const ARTIFACTS_POLL: Duration = Duration::from_mins(1);

/// The name in audit records.
const ACTOR: &str = "artifact store";

/// A depot and what is remembered of it.
#[derive(Debug)]
pub(crate) struct DepotSide {
    depot: Depot,
    /// Something changed here that the depot should hear of.
    changed: Notify,
    /// Held while one synchronises.
    memory: Mutex<pass::Memory>,
    /// One fetch at a time of each file, however many wait for it.
    fetching: std::sync::Mutex<HashMap<Digest, Arc<Mutex<()>>>>,
}

impl DepotSide {
    pub(crate) fn new(depot: Depot) -> Self {
        Self {
            depot,
            changed: Notify::new(),
            memory: Mutex::default(),
            fetching: std::sync::Mutex::default(),
        }
    }

    /// Says that something changed here.
    pub(crate) fn wake(&self) {
        self.changed.notify_one();
    }

    fn turn(&self, sha256: Digest) -> Arc<Mutex<()>> {
        let mut fetching = self.fetching.lock().unwrap_or_else(PoisonError::into_inner);
        // Those that nobody waits for any more.
        fetching.retain(|_, turn| Arc::strong_count(turn) > 1);
        fetching.entry(sha256).or_default().clone()
    }
}

impl AppState {
    /// An address from which a device without credentials can get this release's file straight from the artifact
    /// store, until `expires` is over; none if the files are in a folder.
    pub(crate) async fn presigned(
        &self,
        release: &Release,
        expires: Duration,
    ) -> ApiResult<Option<String>> {
        let Some(side) = self.depot() else {
            return Ok(None);
        };
        let version = version::parse(&release.version).map_err(|e| ApiError::internal(&e))?;
        let signed = side.depot.sign(&release.device_type, &version, expires);
        Ok(signed.await?)
    }
}
