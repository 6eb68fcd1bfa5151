use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};
use updraft_protocol::DeviceId;
use updraft_store::{DeviceWrite, Store, StoreError};

use super::Devices;

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

type Order = (DeviceId, oneshot::Sender<Result<(), WriteFailed>>);

/// Writes what devices said. One task writes for all: whoever waits while a transaction is under way shares
/// the next one, so that a rush of reports costs few syncs of the disk.
#[derive(Debug)]
pub(crate) struct Writer {
    orders: mpsc::Sender<Order>,
}

impl Writer {
    /// Starts the task. It ends, with everything written, when the writer is dropped.
    pub(crate) fn start(
        devices: Arc<Devices>,
        store: Arc<Store>,
        write_behind: Duration,
    ) -> (Self, JoinHandle<()>) {
        let (orders, inbox) = mpsc::channel(QUEUE);
        let task = tokio::spawn(run(devices, store, inbox, write_behind));
        (Self { orders }, task)
    }

    /// Returns once a device's news is on disk.
    pub(crate) async fn write(&self, id: &DeviceId) -> Result<(), WriteFailed> {
        let failed = WriteFailed { disk_full: false };
        let (done, written) = oneshot::channel();
        self.orders
            .send((id.clone(), done))
            .await
            .map_err(|_| failed)?;
        written.await.unwrap_or(Err(failed))
    }
}

async fn run(
    devices: Arc<Devices>,
    store: Arc<Store>,
    mut inbox: mpsc::Receiver<Order>,
    write_behind: Duration,
) {
    let mut orders = Vec::with_capacity(BATCH);
    let mut due = Instant::now() + write_behind;
    loop {
        tokio::select! {
            received = inbox.recv_many(&mut orders, BATCH) => {
                if received == 0 {
                    break;
                }
                write_orders(&devices, &store, &mut orders).await;
            }
            () = sleep_until(due) => {
                write_waiting(&devices, &store).await;
                due = Instant::now() + write_behind;
            }
        }
    }
    write_waiting(&devices, &store).await;
}

/// Writes what somebody waits for, and tells them.
async fn write_orders(devices: &Devices, store: &Store, orders: &mut Vec<Order>) {
    let writes: Vec<DeviceWrite> = orders
        .iter()
        .filter_map(|(id, _)| devices.take_news(id))
        .collect();
    let all = store.write_devices(&writes).await;
    if all.is_ok() {
        for (_, done) in orders.drain(..) {
            // Who went away meanwhile does not need to know.
            let _ = done.send(Ok(()));
        }
        return;
    }
    // One device's news may be what the database refuses: the others must not suffer.
    let mut failed = Vec::new();
    for write in &writes {
        if let Err(error) = store.write_devices(std::slice::from_ref(write)).await {
            failed.push((
                write.record.device.id.clone(),
                put_back(devices, write, &error),
            ));
        }
    }
    for (id, done) in orders.drain(..) {
        let failure = failed.iter().find(|(failed, _)| *failed == id);
        let _ = done.send(failure.map_or(Ok(()), |(_, failure)| Err(*failure)));
    }
}

/// Writes what nobody waits for.
async fn write_waiting(devices: &Devices, store: &Store) {
    // As many as there are now: what fails waits again, and must not be tried for ever.
    for ids in devices.waiting(usize::MAX).chunks(BATCH) {
        let writes: Vec<DeviceWrite> = ids.iter().filter_map(|id| devices.take_news(id)).collect();
        if writes.is_empty() {
            continue;
        }
        if let Err(error) = store.write_devices(&writes).await {
            for write in &writes {
                put_back(devices, write, &error);
            }
        }
    }
}

fn put_back(devices: &Devices, write: &DeviceWrite, error: &StoreError) -> WriteFailed {
    tracing::error!(device = %write.record.device.id, %error, "a device's news could not be written");
    devices.put_back(write);
    WriteFailed {
        disk_full: matches!(error, StoreError::DiskFull { .. }),
    }
}
