use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until};
use updraft_protocol::DeviceId;
use updraft_store::{DeviceWrite, StoreError};

use super::{Devices, Move};
use crate::core::Core;
use crate::error::ApiError;

/// Devices written in one transaction. Larger ones gain nothing and make the last in line wait.
const BATCH: usize = 512;

/// Reports that may wait for the disk before their senders wait too.
const QUEUE: usize = 1024;

/// A device's news could not be written; the sender should send it again.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WriteFailed {
    /// Whether the disk is full.
    pub(crate) disk_full: bool,
}

impl From<WriteFailed> for ApiError {
    fn from(failed: WriteFailed) -> Self {
        if failed.disk_full {
            return Self::new(
                StatusCode::INSUFFICIENT_STORAGE,
                "disk_full",
                "the disk is full: the report was not kept",
            )
            .hint("Send it again later.");
        }
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "not_kept",
            "the database did not take the report",
        )
        .hint("Send it again.")
        .retry_after(5)
    }
}

/// A device's news, taken to be written, with what its rollouts are told by them.
#[derive(Debug)]
pub(super) struct News {
    pub(super) write: DeviceWrite,
    pub(super) moves: Vec<Move>,
}

/// After so long a pause, a database that did not answer is asked again.
const READ_AGAIN: Duration = Duration::from_millis(200);

/// What became of a device's news.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    /// They are on disk.
    Whole,
    /// Another node wrote of the device since. Its words have taken the place of this news: apply them anew.
    Outdated,
}

/// Whose news are to be written: one device's, and what they rest on, or all there are.
type Order = (
    Option<(DeviceId, u64)>,
    oneshot::Sender<Result<Kept, WriteFailed>>,
);

/// Writes what devices said. One task writes for all: whoever waits while a transaction is under way shares
/// the next one, so that a rush of reports costs few syncs of the disk.
#[derive(Debug)]
pub(crate) struct Writer {
    orders: mpsc::Sender<Order>,
}

impl Writer {
    /// Starts the task. It ends, with everything written, when the writer is dropped.
    pub(crate) fn start(core: Arc<Core>, write_behind: Duration) -> (Self, JoinHandle<()>) {
        let (orders, inbox) = mpsc::channel(QUEUE);
        let task = tokio::spawn(run(core, inbox, write_behind));
        (Self { orders }, task)
    }

    /// Returns once a device's news, which rests on `basis`, is on disk, and its rollouts have acted on it; or once
    /// it is outdated.
    pub(crate) async fn write(&self, id: &DeviceId, basis: u64) -> Result<Kept, WriteFailed> {
        self.order(Some((id.clone(), basis))).await
    }

    /// Returns once all news there are is on disk, and rollouts have acted on it.
    pub(crate) async fn flush(&self) -> Result<(), WriteFailed> {
        self.order(None).await.map(|_| ())
    }

    async fn order(&self, whose: Option<(DeviceId, u64)>) -> Result<Kept, WriteFailed> {
        let failed = WriteFailed { disk_full: false };
        let (done, written) = oneshot::channel();
        self.orders.send((whose, done)).await.map_err(|_| failed)?;
        written.await.unwrap_or(Err(failed))
    }
}

async fn run(core: Arc<Core>, mut inbox: mpsc::Receiver<Order>, write_behind: Duration) {
    let mut orders = Vec::with_capacity(BATCH);
    let mut due = Instant::now() + write_behind;
    loop {
        tokio::select! {
            received = inbox.recv_many(&mut orders, BATCH) => {
                if received == 0 {
                    break;
                }
                write_orders(&core, &mut orders).await;
            }
            () = core.devices.hurried() => write_waiting(&core).await,
            () = sleep_until(due) => {
                write_waiting(&core).await;
                due = Instant::now() + write_behind;
            }
        }
    }
    write_waiting(&core).await;
}

/// Writes what somebody waits for, and tells them.
async fn write_orders(core: &Core, orders: &mut Vec<Order>) {
    if orders.iter().any(|(whose, _)| whose.is_none()) {
        write_waiting(core).await;
    }
    let named = orders.iter().filter_map(|(whose, _)| whose.as_ref());
    let news = take_news(core, named.map(|(id, _)| id));
    let failed = write_all(core, news).await;
    for (whose, done) in orders.drain(..) {
        let id = whose.as_ref().map(|(id, _)| id);
        let failure = failed.iter().find(|(failed, _)| Some(failed) == id);
        let kept = match &whose {
            Some((id, basis)) if core.devices.basis(id) != *basis => Kept::Outdated,
            _ => Kept::Whole,
        };
        // Who went away meanwhile does not need to know.
        let _ = done.send(failure.map_or(Ok(kept), |(_, failure)| Err(*failure)));
    }
}

/// Writes what nobody waits for.
async fn write_waiting(core: &Core) {
    // As many as there are now: what fails waits again, and must not be tried for ever.
    for ids in core.devices.waiting(usize::MAX).chunks(BATCH) {
        let news = take_news(core, ids.iter());
        write_all(core, news).await;
    }
}

/// The unwritten news of these devices, less what was called off meanwhile.
fn take_news<'a>(core: &Core, ids: impl Iterator<Item = &'a DeviceId>) -> Vec<News> {
    let (published, now) = (core.published(), core.clock.now());
    ids.filter_map(|id| {
        core.devices.call_off(&published, id, now);
        core.devices.take_news(id)
    })
    .collect()
}

/// Writes news in one transaction; where the database refuses that, one by one, so that one device's news do not keep
/// back the others'. Says whose were not written; they wait again. Devices of which another node wrote since give way
/// to that.
async fn write_all(core: &Core, mut news: Vec<News>) -> Vec<(DeviceId, WriteFailed)> {
    let error = loop {
        if news.is_empty() {
            return Vec::new();
        }
        match write(core, &news).await {
            Ok(()) => return Vec::new(),
            Err(StoreError::Outdated { devices }) => {
                let is_outdated = |news: &News| devices.contains(&news.write.record.device.id);
                news.retain(|news| !is_outdated(news));
                give_way(core, &devices).await;
            }
            Err(error) => break error,
        }
    };
    let mut failed = Vec::new();
    let is_only = news.len() == 1;
    for one in news {
        let id = one.write.record.device.id.clone();
        let error = if is_only {
            &error
        } else {
            match write(core, std::slice::from_ref(&one)).await {
                Ok(()) => continue,
                Err(StoreError::Outdated { devices }) => {
                    give_way(core, &devices).await;
                    continue;
                }
                Err(error) => &{ error },
            }
        };
        failed.push((id, put_back(&core.devices, one, error)));
    }
    failed
}

async fn write(core: &Core, news: &[News]) -> Result<(), StoreError> {
    let writes: Vec<DeviceWrite> = news.iter().map(|news| news.write.clone()).collect();
    let moves: Vec<Move> = news.iter().flat_map(|news| news.moves.clone()).collect();
    core.write_moves(&writes, &moves).await?;
    for write in &writes {
        core.devices.written(write);
    }
    core.devices
        .journalled(writes.iter().map(|write| write.words.len()).sum());
    Ok(())
}

/// Takes over what other nodes wrote of these devices, whose own news are in nobody's hands until then.
async fn give_way(core: &Core, outdated: &[DeviceId]) {
    let ids: Vec<String> = outdated.iter().map(ToString::to_string).collect();
    loop {
        match core.store.devices_by_id(&ids).await {
            Ok(records) => {
                let published = core.published();
                for kept in records {
                    core.devices.outdated(kept, &published, core.clock.now());
                }
                return;
            }
            Err(error) => {
                tracing::error!(%error, "devices that another node wrote could not be read; trying again");
                sleep(READ_AGAIN).await;
            }
        }
    }
}

fn put_back(devices: &Devices, news: News, error: &StoreError) -> WriteFailed {
    tracing::error!(device = %news.write.record.device.id, %error, "a device's news could not be written");
    devices.put_back(news);
    WriteFailed {
        disk_full: matches!(error, StoreError::DiskFull { .. }),
    }
}
