//! The time, which a test turns by hand: a rollout waits a day between two stages, and a test does not.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use updraft_store::unix_now;

/// The longest single wait: a system clock that was set is noticed within it.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// Where a server gets the time from.
#[derive(Clone, Default)]
pub struct Clock(Source);

#[derive(Clone, Default)]
enum Source {
    #[default]
    System,
    Manual(Arc<watch::Sender<i64>>),
}

impl Clock {
    /// A clock that stands still at this Unix time in seconds until it is turned.
    pub fn manual(now: i64) -> Self {
        Self(Source::Manual(Arc::new(watch::Sender::new(now))))
    }

    /// Turns a manual clock forward by so many seconds, and wakes who waits for that. The system's clock is not
    /// turned.
    pub fn advance(&self, seconds: i64) {
        if let Source::Manual(hand) = &self.0 {
            hand.send_modify(|now| *now = now.saturating_add(seconds));
        }
    }

    /// The Unix time in seconds.
    pub fn now(&self) -> i64 {
        match &self.0 {
            Source::System => unix_now(),
            Source::Manual(hand) => *hand.borrow(),
        }
    }

    /// Waits until a Unix time in seconds, or for some while: the caller looks at the clock and asks again.
    pub(crate) async fn wait_until(&self, due: i64) {
        match &self.0 {
            Source::System => {
                let left = u64::try_from(due.saturating_sub(unix_now())).unwrap_or_default();
                tokio::time::sleep(Duration::from_secs(left).min(LONGEST_WAIT)).await;
            }
            Source::Manual(hand) => {
                let mut hand = hand.subscribe();
                // The sender is held by this very clock.
                let _ = hand.wait_for(|now| *now >= due).await;
            }
        }
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Source::System => "Clock(system)",
            Source::Manual(_) => "Clock(manual)",
        })
    }
}
