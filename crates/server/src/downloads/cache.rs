use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use tokio::sync::OnceCell;
use updraft_protocol::Digest;

use super::file_stream::CHUNK;
use crate::error::{ApiError, ApiResult};

/// A file to be sent.
#[derive(Debug)]
pub(crate) enum Content {
    /// In memory, shared by all who download it.
    Whole(Bytes),
    /// On disk: it did not fit into the cache.
    File(PathBuf),
}

/// Files in memory, each read and checked once however many ask at once. A file that somebody still downloads
/// is not let go of, so what is held never exceeds the budget.
#[derive(Debug)]
pub(crate) struct Cache {
    budget: u64,
    slots: Mutex<Slots>,
    /// Files too big for the cache whose SHA-256 this process has checked.
    checked: tokio::sync::Mutex<HashSet<Digest>>,
}

#[derive(Debug, Default)]
struct Slots {
    by_digest: HashMap<Digest, Slot>,
    /// Bytes in all slots.
    held: u64,
    clock: u64,
}

#[derive(Debug)]
struct Slot {
    bytes: Arc<OnceCell<Bytes>>,
    size: u64,
    used: u64,
}

impl Cache {
    pub(crate) fn new(budget: u64) -> Self {
        Self {
            budget,
            slots: Mutex::default(),
            checked: tokio::sync::Mutex::default(),
        }
    }

    /// The file with this digest and size, which lies at `path`. Its bytes were compared with the digest
    /// when they were read, so that decay on disk is found before a byte is sent.
    pub(crate) async fn get(&self, sha256: Digest, size: u32, path: PathBuf) -> ApiResult<Content> {
        let Some(cell) = self.slot(sha256, u64::from(size)) else {
            return self.check_on_disk(sha256, path).await;
        };
        let loaded = cell
            .get_or_try_init(async || {
                // Who reads holds on to the slot: when the client goes away, the reading goes on for a moment.
                let reading = cell.clone();
                blocking(move || {
                    let bytes = read_checked(&path, size, sha256);
                    drop(reading);
                    bytes
                })
                .await
                .map(Bytes::from)
            })
            .await;
        match loaded {
            Ok(bytes) => Ok(Content::Whole(bytes.clone())),
            Err(error) => {
                self.slots().forget_failed(sha256, &cell);
                Err(error)
            }
        }
    }

    fn slots(&self) -> std::sync::MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The slot for a file, made if there is room for it.
    fn slot(&self, sha256: Digest, size: u64) -> Option<Arc<OnceCell<Bytes>>> {
        let mut slots = self.slots();
        slots.clock += 1;
        let used = slots.clock;
        if let Some(slot) = slots.by_digest.get_mut(&sha256) {
            slot.used = used;
            return Some(slot.bytes.clone());
        }
        if size > self.budget {
            return None;
        }
        while slots.held + size > self.budget {
            let oldest = slots.oldest_unused()?;
            slots.forget(oldest);
        }
        slots.held += size;
        let bytes: Arc<OnceCell<Bytes>> = Arc::default();
        let slot = Slot {
            bytes: bytes.clone(),
            size,
            used,
        };
        slots.by_digest.insert(sha256, slot);
        Some(bytes)
    }

    /// Checks a file that is streamed from disk, once in this process's life.
    async fn check_on_disk(&self, sha256: Digest, path: PathBuf) -> ApiResult<Content> {
        let mut checked = self.checked.lock().await;
        if !checked.contains(&sha256) {
            let path = path.clone();
            blocking(move || {
                let mut hasher = Sha256::new();
                read_pieces(&path, |piece| hasher.update(piece))?;
                compare(&path, sha256, hasher)
            })
            .await?;
            checked.insert(sha256);
        }
        Ok(Content::File(path))
    }
}

impl Slots {
    /// The longest unused file that nobody is loading or downloading; first those that were never loaded, because
    /// who asked for them went away.
    fn oldest_unused(&self) -> Option<Digest> {
        let unused = |slot: &Slot| {
            Arc::strong_count(&slot.bytes) == 1 && slot.bytes.get().is_none_or(Bytes::is_unique)
        };
        self.by_digest
            .iter()
            .filter(|(_, slot)| unused(slot))
            .min_by_key(|(_, slot)| (slot.bytes.initialized(), slot.used))
            .map(|(digest, _)| *digest)
    }

    /// Forgets a slot that could not be loaded, unless another has taken its place.
    fn forget_failed(&mut self, sha256: Digest, failed: &Arc<OnceCell<Bytes>>) {
        let same = |slot: &Slot| Arc::ptr_eq(&slot.bytes, failed) && !failed.initialized();
        if self.by_digest.get(&sha256).is_some_and(same) {
            self.forget(sha256);
        }
    }

    fn forget(&mut self, sha256: Digest) {
        if let Some(slot) = self.by_digest.remove(&sha256) {
            self.held -= slot.size;
        }
    }
}

/// Reads a whole file and compares it with its digest.
fn read_checked(path: &Path, size: u32, sha256: Digest) -> ApiResult<Vec<u8>> {
    let mut hasher = Sha256::new();
    let mut bytes = Vec::with_capacity(size as usize);
    read_pieces(path, |piece| {
        hasher.update(piece);
        bytes.extend_from_slice(piece);
    })?;
    compare(path, sha256, hasher)?;
    Ok(bytes)
}

fn read_pieces(path: &Path, mut take: impl FnMut(&[u8])) -> ApiResult<()> {
    let mut read = || {
        let mut file = File::open(path)?;
        let mut piece = vec![0; CHUNK];
        loop {
            match file.read(&mut piece)? {
                0 => return Ok(()),
                length => take(piece.get(..length).unwrap_or_default()),
            }
        }
    };
    read().map_err(|error: std::io::Error| damaged(path, &format!("it cannot be read: {error}")))
}

fn compare(path: &Path, sha256: Digest, hasher: Sha256) -> ApiResult<()> {
    let found = Digest(hasher.finalize().into());
    if found == sha256 {
        Ok(())
    } else {
        Err(damaged(path, &format!("its SHA-256 is {found}")))
    }
}

fn damaged(path: &Path, what: &str) -> ApiError {
    tracing::error!(path = %path.display(), what, "a release's file is damaged on disk");
    ApiError::new(
        http::StatusCode::INTERNAL_SERVER_ERROR,
        "artifact_damaged",
        "the release's file is damaged on the server's disk, so nothing of it was sent",
    )
    .hint("Restore the file from a backup, or block the release; the server's log names the file.")
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> ApiResult<T> + Send + 'static,
) -> ApiResult<T> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(ApiError::internal(&error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Digest = Digest([1; 32]);
    const B: Digest = Digest([2; 32]);

    #[test]
    fn a_load_given_up_keeps_no_budget() {
        let cache = Cache::new(100);
        let loading = cache.slot(A, 100);
        assert!(loading.is_some());
        assert!(cache.slot(B, 100).is_none(), "somebody loads the other");
        drop(loading);
        assert!(cache.slot(B, 100).is_some());
        assert_eq!(cache.slots().held, 100);
    }

    #[test]
    fn a_failure_forgets_only_its_own_slot() {
        let cache = Cache::new(100);
        let failed = cache.slot(A, 60).unwrap();
        cache.slots().forget_failed(A, &failed);
        assert_eq!(cache.slots().held, 0);
        let next = cache.slot(A, 60).unwrap();
        next.set(Bytes::from_static(b"loaded")).unwrap();
        cache.slots().forget_failed(A, &failed);
        assert_eq!(cache.slots().held, 60);
    }
}
