//! The table of transitions: a function for each place, an arm for every kind of news.

use updraft_protocol::api::DeploymentState::{
    self, Cancelled, Confirmed, Downloaded, Downloading, Lost, Offered, Rebooting, RolledBack,
    Superseded, TimedOut,
};

use super::{Ending, News, Place};

/// `Some(place)` is a change to `place`.
pub(super) type Change = Option<Place>;

#[expect(clippy::unnecessary_wraps, reason = "a change wraps a place")]
const fn to(state: DeploymentState) -> Change {
    Some(Some(state))
}

pub(super) const fn from_eligible(news: News) -> Change {
    match news {
        News::Offered => to(Offered),
        // The offer was taken back and the device works on: its words stand.
        News::Downloading => to(Downloading),
        News::Downloaded | News::Claimed => to(Downloaded),
        News::Rebooting => to(Rebooting),
        News::Proven => to(Confirmed),
        News::Ended { how, .. } => to(how.state()),
        News::OtherRuns
        | News::Deadline
        | News::Drop
        | News::Revoke
        | News::Superseded
        | News::Forgiven => None,
    }
}

pub(super) const fn from_offered(news: News) -> Change {
    match news {
        News::Downloading => to(Downloading),
        News::Downloaded | News::Claimed => to(Downloaded),
        News::Rebooting => to(Rebooting),
        News::Proven => to(Confirmed),
        News::Ended { how, .. } => to(how.state()),
        // Nothing came of the offer: no failure, the device is eligible again.
        News::Deadline => Some(None),
        News::Drop | News::Revoke => to(Cancelled),
        News::Superseded => to(Superseded),
        News::Offered | News::OtherRuns | News::Forgiven => None,
    }
}

pub(super) const fn from_downloading(news: News) -> Change {
    match news {
        News::Downloaded | News::Claimed => to(Downloaded),
        News::Rebooting => to(Rebooting),
        News::Proven => to(Confirmed),
        News::Ended { how, .. } => to(how.state()),
        News::Deadline => to(TimedOut),
        News::Revoke => to(Cancelled),
        News::Superseded => to(Superseded),
        // A device asks on while it works.
        News::Offered | News::Downloading | News::OtherRuns | News::Drop | News::Forgiven => None,
    }
}

pub(super) const fn from_downloaded(news: News) -> Change {
    match news {
        News::Rebooting => to(Rebooting),
        News::Proven => to(Confirmed),
        News::Ended { how, .. } => to(how.state()),
        News::Deadline => to(TimedOut),
        News::Revoke => to(Cancelled),
        News::Superseded => to(Superseded),
        News::Offered
        | News::Downloading
        | News::Downloaded
        | News::Claimed
        | News::OtherRuns
        | News::Drop
        | News::Forgiven => None,
    }
}

pub(super) const fn from_rebooting(news: News) -> Change {
    match news {
        News::Proven => to(Confirmed),
        News::Ended { how, .. } => to(how.state()),
        // It was about to start the new app, and the old one asks: that is back, whether or not it says why.
        News::OtherRuns => to(RolledBack),
        News::Deadline => to(Lost),
        News::Superseded => to(Superseded),
        // The boot record is written: too late to call it off.
        News::Offered
        | News::Downloading
        | News::Downloaded
        | News::Rebooting
        | News::Claimed
        | News::Drop
        | News::Revoke
        | News::Forgiven => None,
    }
}

pub(super) const fn from_confirmed(news: News) -> Change {
    match news {
        // It was flashed with something older meanwhile.
        News::Offered => to(Offered),
        // What was proven is undone only by the proof that something else runs.
        News::Ended {
            how,
            other_runs: true,
        } => to(how.state()),
        News::Ended {
            other_runs: false, ..
        }
        | News::Downloading
        | News::Downloaded
        | News::Rebooting
        | News::Claimed
        | News::Proven
        | News::OtherRuns
        | News::Deadline
        | News::Drop
        | News::Revoke
        | News::Superseded
        | News::Forgiven => None,
    }
}

/// `failed`, `rolled_back` or `rejected`: the device itself said so.
pub(super) const fn from_told_failure(state: DeploymentState, news: News) -> Change {
    match news {
        News::Offered => to(Offered),
        News::Proven => to(Confirmed),
        // A second word on the same try: unhealthy first, rolled back after the reboot.
        News::Ended { how, .. } => {
            if how.state() as u8 == state as u8 {
                None
            } else {
                to(how.state())
            }
        }
        News::Forgiven => Some(None),
        News::Downloading
        | News::Downloaded
        | News::Rebooting
        | News::Claimed
        | News::OtherRuns
        | News::Deadline
        | News::Drop
        | News::Revoke
        | News::Superseded => None,
    }
}

pub(super) const fn from_timed_out(news: News) -> Change {
    match news {
        News::Offered => to(Offered),
        // Slow, but it came to its end after all.
        News::Rebooting => to(Rebooting),
        News::Proven => to(Confirmed),
        News::Ended { how, .. } => to(how.state()),
        News::Forgiven => Some(None),
        News::Downloading
        | News::Downloaded
        | News::Claimed
        | News::OtherRuns
        | News::Deadline
        | News::Drop
        | News::Revoke
        | News::Superseded => None,
    }
}

pub(super) const fn from_lost(news: News) -> Change {
    match news {
        News::Offered => to(Offered),
        News::Proven => to(Confirmed),
        News::Ended { how, .. } => to(how.state()),
        // It is back, and so is the old app.
        News::OtherRuns => to(RolledBack),
        News::Forgiven => Some(None),
        News::Downloading
        | News::Downloaded
        | News::Rebooting
        | News::Claimed
        | News::Deadline
        | News::Drop
        | News::Revoke
        | News::Superseded => None,
    }
}

pub(super) const fn from_cancelled(news: News) -> Change {
    match news {
        News::Offered => to(Offered),
        // It had activated the image before the word to stop reached it.
        News::Rebooting => to(Rebooting),
        News::Proven => to(Confirmed),
        News::Ended {
            how: Ending::RolledBack,
            ..
        } => to(RolledBack),
        News::Forgiven => Some(None),
        // That it then failed or refused is the cancellation.
        News::Ended {
            how: Ending::Failed | Ending::Rejected,
            ..
        }
        | News::Downloading
        | News::Downloaded
        | News::Claimed
        | News::OtherRuns
        | News::Deadline
        | News::Drop
        | News::Revoke
        | News::Superseded => None,
    }
}

pub(super) const fn from_superseded(news: News) -> Change {
    match news {
        News::Offered => to(Offered),
        News::Proven => to(Confirmed),
        News::Ended {
            how: Ending::RolledBack,
            ..
        } => to(RolledBack),
        // Another deployment is the active one: this one is not opened again by the device's words.
        News::Ended {
            how: Ending::Failed | Ending::Rejected,
            ..
        }
        | News::Downloading
        | News::Downloaded
        | News::Rebooting
        | News::Claimed
        | News::OtherRuns
        | News::Deadline
        | News::Drop
        | News::Revoke
        | News::Superseded
        | News::Forgiven => None,
    }
}
