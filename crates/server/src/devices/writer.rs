use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};
use updraft_protocol::DeviceId;
use updraft_store::{DeviceWrite, StoreError};

use super::{Devices, Move};
use crate::core::Core;

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

/// A device's news, taken to be written, with what its rollouts are told by them.
#[derive(Debug)]
pub(super) struct News {
    pub(super) write: DeviceWrite,
    pub(super) moves: Vec<Move>,
}

/// Whose news are to be written: one device's, or all there are.
type Order = (Option<DeviceId>, oneshot::Sender<Result<(), WriteFailed>>);

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

    /// Returns once a device's news is on disk, and its rollouts have acted on it.
    pub(crate) async fn write(&self, id: &DeviceId) -> Result<(), WriteFailed> {
        self.order(Some(id.clone())).await
    }

    /// Returns once all news there are is on disk, and rollouts have acted on it.
    pub(crate) async fn flush(&self) -> Result<(), WriteFailed> {
        self.order(None).await
    }

    async fn order(&self, whose: Option<DeviceId>) -> Result<(), WriteFailed> {
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
    let news: Vec<News> = orders
        .iter()
        .filter_map(|(whose, _)| core.devices.take_news(whose.as_ref()?))
        .collect();
    let failed = write_all(core, news).await;
    for (whose, done) in orders.drain(..) {
        let failure = failed.iter().find(|(id, _)| Some(id) == whose.as_ref());
        // Who went away meanwhile does not need to know.
        let _ = done.send(failure.map_or(Ok(()), |(_, failure)| Err(*failure)));
    }
}

/// Writes what nobody waits for.
async fn write_waiting(core: &Core) {
    // As many as there are now: what fails waits again, and must not be tried for ever.
    for ids in core.devices.waiting(usize::MAX).chunks(BATCH) {
        let news: Vec<News> = ids
            .iter()
            .filter_map(|id| core.devices.take_news(id))
            .collect();
        write_all(core, news).await;
    }
}

/// Writes news in one transaction; where the database refuses that, one by one, so that one device's news do not keep
/// back the others'. Says whose were not written; they wait again.
async fn write_all(core: &Core, news: Vec<News>) -> Vec<(DeviceId, WriteFailed)> {
    if news.is_empty() {
        return Vec::new();
    }
    let writes: Vec<DeviceWrite> = news.iter().map(|news| news.write.clone()).collect();
    let moves: Vec<Move> = news.iter().flat_map(|news| news.moves.clone()).collect();
    let Err(error) = core.write_moves(&writes, &moves).await else {
        return Vec::new();
    };
    let mut failed = Vec::new();
    let is_only = writes.len() == 1;
    for one in news {
        let id = one.write.record.device.id.clone();
        let alone = std::slice::from_ref(&one.write);
        if is_only {
            failed.push((id, put_back(&core.devices, one, &error)));
        } else if let Err(error) = core.write_moves(alone, &one.moves).await {
            failed.push((id, put_back(&core.devices, one, &error)));
        }
    }
    failed
}

fn put_back(devices: &Devices, news: News, error: &StoreError) -> WriteFailed {
    tracing::error!(device = %news.write.record.device.id, %error, "a device's news could not be written");
    devices.put_back(news);
    WriteFailed {
        disk_full: matches!(error, StoreError::DiskFull { .. }),
    }
}
