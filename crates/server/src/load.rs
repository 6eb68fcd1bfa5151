//! How busy this server is with devices that ask.
//!
//! What an answer costs is a little of the processor, and for a device with news its turn at the disk. When either is short,
//! questions pile up: so the questions under way are the load, against the most that are let in.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use updraft_rollout::spread;

/// The whole, in basis points.
const WHOLE_BP: usize = 10_000;

/// Those who are turned away come back after at least so many seconds, spread over so many more.
const BACK_AFTER_S: u32 = 30;
const BACK_WITHIN_S: u32 = 90;

/// Questions under way.
#[derive(Debug)]
pub(crate) struct Load {
    under_way: Arc<AtomicUsize>,
    most: usize,
}

/// One question under way.
#[derive(Debug)]
pub(crate) struct UnderWay(Arc<AtomicUsize>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Load {
    /// At most so many questions at a time.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            under_way: Arc::default(),
            most,
        }
    }

    /// Lets a question in; none if there are too many.
    pub(crate) fn begin(&self) -> Option<UnderWay> {
        // Counted first: of two that come at once not both may be the last.
        let before = self.under_way.fetch_add(1, Ordering::Relaxed);
        let one = UnderWay(self.under_way.clone());
        (before < self.most).then_some(one)
    }

    /// The load in basis points.
    pub(crate) fn bp(&self) -> u32 {
        let under_way = self.under_way.load(Ordering::Relaxed).min(self.most);
        u32::try_from(under_way * WHOLE_BP / self.most.max(1)).unwrap_or_default()
    }

    /// The load, as Prometheus reads it.
    pub(crate) fn render(&self) -> String {
        let load = f64::from(self.bp()) / 10_000.0;
        format!(
            "# HELP updraft_load_ratio Devices' questions under way, as a share of those that are let in.\n\
             # TYPE updraft_load_ratio gauge\nupdraft_load_ratio {load}\n"
        )
    }

    /// In how many seconds a device that was turned away comes back: each at a moment of its own.
    pub(crate) fn back_after(name: &str) -> u32 {
        BACK_AFTER_S + spread(name, BACK_WITHIN_S)
    }
}
