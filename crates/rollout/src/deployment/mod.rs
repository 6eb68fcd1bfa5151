//! One device's way to one release: which news leads where, and when silence is news.

mod table;

use updraft_protocol::api::DeploymentState::{
    self, Cancelled, Confirmed, Downloaded, Downloading, Failed, Lost, Offered, Rebooting,
    Rejected, RolledBack, Superseded, TimedOut,
};
use updraft_protocol::api::rollout::Timers;

/// Where a deployment stands; `None` is eligible: not offered yet, or the offer was taken back.
pub type Place = Option<DeploymentState>;

/// So many of its own poll intervals a rebooting device may be silent before it is called lost.
pub const LOST_INTERVALS: u32 = 3;

/// How an update ended badly, in the device's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ending {
    /// It did not work; the old app runs on.
    Failed,
    /// The new app was started and the old one is back.
    RolledBack,
    /// The device refused it.
    Rejected,
}

impl Ending {
    const fn state(self) -> DeploymentState {
        match self {
            Self::Failed => Failed,
            Self::RolledBack => RolledBack,
            Self::Rejected => Rejected,
        }
    }
}

/// What may be heard of a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum News {
    /// The server offered it.
    Offered,
    /// The device's word: bytes arrive.
    Downloading,
    /// The device's word: whole and verified in the slot.
    Downloaded,
    /// The device's word: about to start the new app.
    Rebooting,
    /// The device says that the new app runs, without its ELF SHA-256: a claim.
    Claimed,
    /// The new app's own ELF SHA-256 was seen, settled: the proof.
    Proven,
    /// A check-in showed another settled app by its ELF SHA-256.
    OtherRuns,
    /// The device's word that it ended badly.
    Ended {
        /// How.
        how: Ending,
        /// Whether the same report proves by ELF SHA-256 that another app runs.
        other_runs: bool,
    },
    /// The time of [`deadline`] came without other news.
    Deadline,
    /// Offers that nothing came of yet are dropped.
    Drop,
    /// Everything short of activation is called off.
    Revoke,
    /// Another release was offered to the device.
    Superseded,
    /// An operator wants it tried again.
    Forgiven,
}

impl News {
    /// Every kind of news.
    pub const ALL: [Self; 18] = [
        Self::Offered,
        Self::Downloading,
        Self::Downloaded,
        Self::Rebooting,
        Self::Claimed,
        Self::Proven,
        Self::OtherRuns,
        Self::ended(Ending::Failed, false),
        Self::ended(Ending::Failed, true),
        Self::ended(Ending::RolledBack, false),
        Self::ended(Ending::RolledBack, true),
        Self::ended(Ending::Rejected, false),
        Self::ended(Ending::Rejected, true),
        Self::Deadline,
        Self::Drop,
        Self::Revoke,
        Self::Superseded,
        Self::Forgiven,
    ];

    const fn ended(how: Ending, other_runs: bool) -> Self {
        Self::Ended { how, other_runs }
    }
}

/// What to do with the device's count of failures at the release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tally {
    /// Leave it.
    Same,
    /// One more: a try failed. One try fails once, in however many words.
    OneMore,
    /// One less: what was called a failure goes on.
    OneLess,
    /// None any more.
    Zero,
}

/// A change of place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Next {
    /// Where to.
    pub to: Place,
    /// What becomes of the count of failures.
    pub failures: Tally,
}

/// Where the news leads; `None` when nothing changes. Defined for every pair: what does not follow from a place is passed
/// over, because reports come late, twice and out of order.
///
/// A device has one active deployment. Whoever applies a change that leads from a closed place to an open one (an offer, or a
/// word that came late) tells the device's other open deployments [`News::Superseded`].
pub const fn step(place: Place, news: News) -> Option<Next> {
    let to = match place {
        None => table::from_eligible(news),
        Some(state) => match state {
            Offered => table::from_offered(news),
            Downloading => table::from_downloading(news),
            Downloaded => table::from_downloaded(news),
            Rebooting => table::from_rebooting(news),
            Confirmed => table::from_confirmed(news),
            Failed | RolledBack | Rejected => table::from_told_failure(state, news),
            TimedOut => table::from_timed_out(news),
            Lost => table::from_lost(news),
            Cancelled => table::from_cancelled(news),
            Superseded => table::from_superseded(news),
        },
    };
    match to {
        Some(to) => Some(Next {
            to,
            failures: tally(place, to, news),
        }),
        None => None,
    }
}

const fn tally(from: Place, to: Place, news: News) -> Tally {
    let failed = matches!(from, Some(state) if state.is_failure());
    let fails = matches!(to, Some(state) if state.is_failure());
    if matches!(news, News::Forgiven) {
        Tally::Zero
    } else if fails && !failed {
        Tally::OneMore
    } else if failed && matches!(to, Some(Rebooting)) {
        Tally::OneLess
    } else {
        Tally::Same
    }
}

/// What [`deadline`] has to know of a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// When it came to where it stands, Unix seconds.
    pub since: i64,
    /// When its first byte was asked for, or it was offered, Unix seconds.
    pub began: i64,
    /// The device may not activate it before this, Unix seconds.
    pub activate_from: Option<i64>,
    /// The device's own poll interval as it was observed, in seconds.
    pub poll_s: Option<u32>,
}

/// When silence becomes news ([`News::Deadline`]), Unix seconds; `None` where it never does.
pub fn deadline(place: Place, timing: &Timing, timers: &Timers) -> Option<i64> {
    let after = |from: i64, seconds: u32| Some(from.saturating_add(i64::from(seconds)));
    match place? {
        Offered => after(timing.since, timers.offer_s),
        Downloading => after(timing.began, timers.in_progress_s),
        // Waiting for the maintenance window is not the device's delay.
        Downloaded => after(
            timing
                .activate_from
                .map_or(timing.began, |from| from.max(timing.began)),
            timers.in_progress_s,
        ),
        Rebooting => after(timing.since, lost_after(timing.poll_s, timers)),
        Confirmed | Failed | RolledBack | Rejected | TimedOut | Lost | Cancelled | Superseded => {
            None
        }
    }
}

/// How long a rebooting device may be silent, in seconds: three of its own poll intervals, but at least `lost_min_s`.
pub fn lost_after(poll_s: Option<u32>, timers: &Timers) -> u32 {
    poll_s
        .unwrap_or(0)
        .saturating_mul(LOST_INTERVALS)
        .max(timers.lost_min_s)
}
