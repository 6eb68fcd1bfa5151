//! All that happened on a chip.

use std::time::Duration;

use tokio::sync::watch;
use updraft_virtual_chip::{Event, ResetCause};

/// Longest any step may take. A failed expectation, not a measurement.
pub(crate) const PATIENCE: Duration = Duration::from_mins(5);

/// What the firmware printed, and what made the chip reset.
#[derive(Clone, Default)]
pub(crate) struct Diary {
    lines: watch::Sender<Vec<String>>,
    resets: watch::Sender<Vec<ResetCause>>,
}

impl Diary {
    pub(crate) fn write(&self, at: Duration, event: &Event) {
        match event {
            Event::Line(line) => {
                eprintln!("[{:9.3}] {line}", at.as_secs_f64());
                self.lines.send_modify(|lines| lines.push(line.clone()));
            }
            Event::Reset(cause) => {
                eprintln!("[{:9.3}] -- {cause}", at.as_secs_f64());
                self.resets.send_modify(|resets| resets.push(*cause));
            }
            _ => {}
        }
    }

    pub(crate) fn resets(&self) -> Vec<ResetCause> {
        self.resets.borrow().clone()
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines.borrow().clone()
    }

    /// Waits until a line holds these words.
    pub(crate) async fn says(&self, words: &str) {
        self.says_again(words, 1).await;
    }

    /// Waits until so many lines hold these words.
    pub(crate) async fn says_again(&self, words: &str, times: usize) {
        let mut lines = self.lines.subscribe();
        let is_there =
            |lines: &Vec<String>| lines.iter().filter(|line| line.contains(words)).count() >= times;
        let written = lines.wait_for(is_there);
        tokio::time::timeout(PATIENCE, written)
            .await
            .unwrap_or_else(|_| panic!("the device never said {words:?}: {:#?}", self.lines()))
            .expect("the diary lives");
    }
}
