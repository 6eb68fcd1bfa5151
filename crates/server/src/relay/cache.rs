//! The release files on a relay's disk, by SHA-256: which are there, which may go.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sha2::Sha256;
use updraft_protocol::Digest;
use updraft_store::{Artifacts, Incoming};

use super::RelayError;

/// What was fetched of a file so far.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) incoming: Incoming,
    pub(super) hasher: Sha256,
    pub(super) received: u64,
}

/// One fetch at a time of each file, however many wait for it.
#[derive(Debug, Default)]
pub(super) struct Turn {
    /// What an earlier try left, to go on from.
    pub(super) part: tokio::sync::Mutex<Option<Part>>,
    /// What came of the tries so far, and of the last.
    pub(super) tries: Mutex<(u64, Option<RelayError>)>,
}

impl Turn {
    /// How many tries there were.
    pub(super) fn count(&self) -> u64 {
        self.lock().0
    }

    /// What came of the last.
    pub(super) fn last(&self) -> Option<RelayError> {
        self.lock().1.clone()
    }

    /// Notes what came of one.
    pub(super) fn tried(&self, error: Option<RelayError>) {
        let mut tries = self.lock();
        *tries = (tries.0 + 1, error);
    }

    fn lock(&self) -> MutexGuard<'_, (u64, Option<RelayError>)> {
        self.tries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps a file from being removed as long as it lives.
#[derive(Debug, Clone)]
pub(crate) struct Lease {
    _held: Arc<()>,
}

#[derive(Debug)]
struct Known {
    size: u64,
    used: u64,
    /// Whether it is there; else its room is only taken.
    whole: bool,
    held: Arc<()>,
}

#[derive(Debug, Default)]
struct Index {
    files: HashMap<Digest, Known>,
    bytes: u64,
    clock: u64,
}

/// Numbers for `/metrics`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counts {
    pub(super) hits: u64,
    pub(super) misses: u64,
    pub(super) fetches: u64,
    pub(super) evictions: u64,
    pub(super) bytes: u64,
    pub(super) limit: u64,
}

/// The files, at most `limit` bytes of them, those being fetched included.
#[derive(Debug)]
pub(crate) struct FileCache {
    artifacts: Artifacts,
    limit: u64,
    index: Mutex<Index>,
    turns: Mutex<HashMap<Digest, Arc<Turn>>>,
    hits: AtomicU64,
    misses: AtomicU64,
    pub(super) fetches: AtomicU64,
    evictions: AtomicU64,
}

impl FileCache {
    /// What an earlier process left. The files written last are the last to go.
    pub(super) fn open(artifacts: Artifacts, limit: u64) -> Result<Self, RelayError> {
        let mut found = artifacts.list()?;
        found.sort_unstable_by_key(|file| file.modified);
        let mut index = Index::default();
        for file in found {
            index.clock += 1;
            index.bytes += file.size;
            let known = Known {
                size: file.size,
                used: index.clock,
                whole: true,
                held: Arc::default(),
            };
            index.files.insert(file.sha256, known);
        }
        let cache = Self {
            artifacts,
            limit,
            index: Mutex::new(index),
            turns: Mutex::default(),
            hits: AtomicU64::default(),
            misses: AtomicU64::default(),
            fetches: AtomicU64::default(),
            evictions: AtomicU64::default(),
        };
        // The limit may be lower than it was.
        let _ = cache.make_room(&mut cache.index(), 0);
        Ok(cache)
    }

    fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The folder.
    pub(super) fn artifacts(&self) -> &Artifacts {
        &self.artifacts
    }

    /// Whether the file is there; it stays as long as the lease.
    pub(super) fn find(&self, sha256: Digest) -> Option<Lease> {
        let mut index = self.index();
        index.clock += 1;
        let now = index.clock;
        let known = index.files.get_mut(&sha256).filter(|known| known.whole)?;
        if !self.artifacts.path(sha256).is_file() {
            // Somebody removed it.
            let size = known.size;
            index.files.remove(&sha256);
            index.bytes -= size;
            return None;
        }
        known.used = now;
        Some(Lease {
            _held: known.held.clone(),
        })
    }

    /// Whether the file is there, or on its way.
    pub(super) fn has(&self, sha256: Digest) -> bool {
        self.index().files.contains_key(&sha256)
    }

    /// Whether a file fits beside the others.
    pub(super) fn has_room(&self, size: u64) -> bool {
        self.index().bytes + size <= self.limit
    }

    /// Counts a download that found its file, or did not.
    pub(super) fn count(&self, hit: bool) {
        let counter = if hit { &self.hits } else { &self.misses };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes room for a file, which others make if they must. The lease keeps it.
    pub(super) fn take_room(&self, sha256: Digest, size: u64) -> Result<Lease, RelayError> {
        let mut index = self.index();
        if let Some(known) = index.files.remove(&sha256) {
            index.bytes -= known.size;
        }
        self.make_room(&mut index, size)?;
        index.bytes += size;
        let held = Arc::<()>::default();
        let known = Known {
            size,
            used: index.clock,
            whole: false,
            held: held.clone(),
        };
        index.files.insert(sha256, known);
        Ok(Lease { _held: held })
    }

    /// The file is whole and in its place, or it will not come.
    pub(super) fn settle(&self, sha256: Digest, whole: bool) {
        let mut index = self.index();
        if whole {
            if let Some(known) = index.files.get_mut(&sha256) {
                known.whole = true;
            }
        } else if let Some(known) = index.files.remove(&sha256) {
            index.bytes -= known.size;
        }
    }

    fn make_room(&self, index: &mut Index, size: u64) -> Result<(), RelayError> {
        while index.bytes + size > self.limit {
            let unused = index
                .files
                .iter()
                .filter(|(_, known)| known.whole && Arc::strong_count(&known.held) == 1)
                .min_by_key(|(_, known)| known.used)
                .map(|(sha256, known)| (*sha256, known.size));
            let Some((oldest, freed)) = unused else {
                return Err(RelayError::CacheFull {
                    size,
                    limit: self.limit,
                });
            };
            self.artifacts.remove(oldest)?;
            index.files.remove(&oldest);
            index.bytes -= freed;
            self.evictions.fetch_add(1, Ordering::Relaxed);
            tracing::info!(sha256 = %oldest, "a release's file made room for another");
        }
        Ok(())
    }

    /// Whose turn it is to fetch a file.
    pub(super) fn turn(&self, sha256: Digest) -> Arc<Turn> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        // Those that nobody waits for and that left nothing.
        turns.retain(|_, turn| {
            Arc::strong_count(turn) > 1 || turn.part.try_lock().is_ok_and(|part| part.is_some())
        });
        turns.entry(sha256).or_default().clone()
    }

    pub(super) fn counts(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            hits: read(&self.hits),
            misses: read(&self.misses),
            fetches: read(&self.fetches),
            evictions: read(&self.evictions),
            bytes: self.index().bytes,
            limit: self.limit,
        }
    }
}
