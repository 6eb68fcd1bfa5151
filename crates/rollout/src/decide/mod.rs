//! The decision, one rule after the other.

mod by_rollout;
mod history;
mod penalty;
mod release;
mod standing;
mod view;

use semver::Version;
use updraft_protocol::{SlotState, version};

pub use history::{History, Past};
pub use standing::{Member, Standing, standing, takes};
pub use view::{DeviceView, Ledger, Moment, Pin, Usage, Whereabouts};

use crate::active::ActiveRollout;
use crate::reason::{Reason, Skip};
use crate::snapshot::{Candidate, Snapshot, TypeSnapshot};
use crate::window::Opening;

/// What a device is offered.
#[derive(Debug, Clone, Copy)]
pub struct Granted<'a> {
    /// The release.
    pub candidate: &'a Candidate,
    /// The rollout that brings it, if one does.
    pub rollout: Option<&'a ActiveRollout>,
    /// That rollout's open step, which the offer belongs to.
    pub step: Option<u32>,
    /// Whether the device installs it at once, whatever its own schedule says.
    pub required: bool,
    /// Whether it is lower than what the device runs, and meant to be.
    pub allow_downgrade: bool,
    /// When the device may activate it; at any time if absent. It may download at once.
    pub activate: Option<Opening>,
}

/// What a device is offered, without the reasons.
#[derive(Debug, Clone, Copy)]
pub struct Verdict<'a> {
    /// The offer, or none.
    pub offer: Option<Granted<'a>>,
    /// Where time alone will change the answer, the earliest such moment, Unix seconds.
    pub changes_at: Option<i64>,
}

/// What a device is offered, and every rule that decided it, in order.
#[derive(Debug, Clone)]
pub struct Decision<'a> {
    /// The offer, or none.
    pub offer: Option<Granted<'a>>,
    /// Where time alone will change the answer, the earliest such moment, Unix seconds.
    pub changes_at: Option<i64>,
    /// The reasons, in the order in which the rules were applied.
    pub reasons: Vec<Reason<'a>>,
}

/// Decides what `device` is offered from `snapshot`. It allocates nothing.
///
/// A snapshot that has expired offers nothing. A held device gets nothing, a pinned one its version only. Then come downgrades that target the device, and releases from
/// the newest down, each by its rollouts while it has unfinished ones, else as a stable release or by the device's channel.
/// Whatever the way, a release is unblocked, fits, is not below the device's secure version, can be reached from what runs,
/// and is not one the device has failed at for good.
pub fn decide<'a>(
    snapshot: &'a Snapshot,
    device: &DeviceView<'a>,
    moment: &Moment<'_>,
) -> Verdict<'a> {
    let mut trail = Trail::silent();
    let offer = choose(snapshot, device, moment, &mut trail);
    Verdict {
        offer,
        changes_at: trail.changes_at.filter(|_| offer.is_none()),
    }
}

/// The same, by the same rules, with the reasons.
pub fn explain<'a>(
    snapshot: &'a Snapshot,
    device: &DeviceView<'a>,
    moment: &Moment<'_>,
) -> Decision<'a> {
    let mut reasons = Vec::new();
    let mut trail = Trail {
        reasons: Some(&mut reasons),
        ..Trail::silent()
    };
    let offer = choose(snapshot, device, moment, &mut trail);
    let changes_at = trail.changes_at.filter(|_| offer.is_none());
    if let Some(granted) = offer {
        reasons.push(Reason::Offered {
            version: &granted.candidate.version,
            activate: granted.activate,
        });
    }
    Decision {
        offer,
        changes_at,
        reasons,
    }
}

/// What a decision leaves behind. Reasons are made only for who wants them.
#[derive(Debug)]
struct Trail<'r, 'a> {
    reasons: Option<&'r mut Vec<Reason<'a>>>,
    changes_at: Option<i64>,
    skipped: bool,
}

impl<'a> Trail<'_, 'a> {
    const fn silent() -> Self {
        Self {
            reasons: None,
            changes_at: None,
            skipped: false,
        }
    }

    fn note(&mut self, reason: impl FnOnce() -> Reason<'a>) {
        if let Some(reasons) = &mut self.reasons {
            reasons.push(reason());
        }
    }

    /// A newer release is not for the device.
    fn skip(&mut self, candidate: &'a Candidate, why: Skip<'a>) {
        self.skipped = true;
        self.changes(&why);
        self.note(|| Reason::Skipped {
            version: &candidate.version,
            why,
        });
    }

    /// A release that was named is not for the device.
    fn deny(&mut self, candidate: &'a Candidate, why: Skip<'a>) {
        self.changes(&why);
        self.note(|| Reason::NotGiven {
            version: &candidate.version,
            why,
        });
    }

    fn changes(&mut self, why: &Skip<'_>) {
        if let Some(at) = why.changes_at() {
            self.changes_at = Some(self.changes_at.map_or(at, |known| known.min(at)));
        }
    }
}

/// What all rules look at.
struct Case<'a, 'm> {
    device: &'m DeviceView<'a>,
    device_type: &'a TypeSnapshot,
    running: Option<&'m Version>,
    moment: &'m Moment<'m>,
}

fn choose<'a>(
    snapshot: &'a Snapshot,
    device: &DeviceView<'a>,
    moment: &Moment<'_>,
    trail: &mut Trail<'_, 'a>,
) -> Option<Granted<'a>> {
    if let Some(at) = snapshot.expires_at()
        && at <= moment.now
    {
        trail.note(|| Reason::SnapshotExpired { at });
        return None;
    }
    let Some(device_type) = snapshot.device_type(device.device_type) else {
        trail.note(|| Reason::UnknownDeviceType(device.device_type));
        return None;
    };
    if let Some(chip) = device.chip
        && chip != device_type.chip
    {
        trail.note(|| Reason::WrongChip {
            device: chip,
            device_type: &device_type.chip,
        });
        return None;
    }
    if let Some(hold) = device.hold
        && hold.holds(moment.now)
    {
        trail.changes_at = hold.until;
        trail.note(|| Reason::Held(hold));
        return None;
    }
    if device.state == Some(SlotState::PendingVerify) {
        trail.note(|| Reason::OnTrial);
        return None;
    }
    let running = match device.version.map(|text| (text, version::parse(text))) {
        None => {
            trail.note(|| Reason::VersionNotSaid);
            None
        }
        Some((text, Err(_))) => {
            trail.note(|| Reason::VersionNotComparable(text));
            return None;
        }
        Some((_, Ok(running))) => Some(running),
    };
    let case = Case {
        device,
        device_type,
        running: running.as_ref(),
        moment,
    };
    if let Some(pin) = device.pin {
        return pinned(&case, pin, trail);
    }
    if let Some(granted) = downgrade(&case, trail) {
        return Some(granted);
    }
    for (index, candidate) in device_type.releases().iter().enumerate() {
        if let Some(running) = case.running
            && !version::is_newer(&candidate.version, running)
        {
            break;
        }
        if let Some(granted) = newer(&case, index, candidate, trail) {
            return Some(granted);
        }
    }
    // Releases that were skipped have said why not.
    if let Some(running) = device.version
        && !trail.skipped
    {
        trail.note(|| Reason::UpToDate { running });
    }
    None
}

/// The pinned version, or nothing.
fn pinned<'a>(case: &Case<'a, '_>, pin: Pin<'a>, trail: &mut Trail<'_, 'a>) -> Option<Granted<'a>> {
    let wanted = version::parse(pin.version).ok();
    let found = wanted.and_then(|wanted| {
        let mut releases = case.device_type.releases().iter();
        releases.find(|candidate| candidate.version.cmp_precedence(&wanted).is_eq())
    });
    let Some(candidate) = found else {
        trail.note(|| Reason::PinnedToUnknown(pin.version));
        return None;
    };
    trail.note(|| Reason::Pinned(pin.version));
    let mut lower = false;
    if let Some(running) = case.running {
        match candidate.version.cmp_precedence(running) {
            std::cmp::Ordering::Equal => {
                trail.note(|| Reason::UpToDate {
                    running: pin.version,
                });
                return None;
            }
            std::cmp::Ordering::Less if !pin.allow_downgrade => {
                trail.deny(candidate, Skip::Downgrade);
                return None;
            }
            std::cmp::Ordering::Less => lower = true,
            std::cmp::Ordering::Greater => {}
        }
    }
    let why = release::unfit(case, candidate)
        .or_else(|| release::path(case, candidate))
        .or_else(|| release::penalty(case, candidate));
    if let Some(why) = why {
        trail.deny(candidate, why);
        return None;
    }
    Some(Granted {
        allow_downgrade: lower,
        ..release::direct(candidate)
    })
}

/// A rollout that takes the device down to a lower version.
fn downgrade<'a>(case: &Case<'a, '_>, trail: &mut Trail<'_, 'a>) -> Option<Granted<'a>> {
    let running = case.running?;
    for (candidate, rollout) in case.device_type.downgrades() {
        if !version::is_newer(running, &candidate.version)
            // Once down, a device is not taken down again.
            || by_rollout::is_confirmed(case, rollout)
        {
            continue;
        }
        let granted = match release::unfit(case, candidate) {
            Some(why) => Err(why),
            None => by_rollout::check(case, candidate, rollout, trail),
        };
        match granted {
            Ok(granted) => {
                return Some(Granted {
                    allow_downgrade: true,
                    ..granted
                });
            }
            Err(why) => trail.deny(candidate, why),
        }
    }
    None
}

/// A release that is newer than what runs.
fn newer<'a>(
    case: &Case<'a, '_>,
    index: usize,
    candidate: &'a Candidate,
    trail: &mut Trail<'_, 'a>,
) -> Option<Granted<'a>> {
    if let Some(why) = release::unfit(case, candidate).or_else(|| release::path(case, candidate)) {
        trail.skip(candidate, why);
        return None;
    }
    for rollout in case.device_type.rollouts_of(index) {
        match by_rollout::check(case, candidate, rollout, trail) {
            Ok(granted) => return Some(granted),
            Err(why) => trail.skip(candidate, why),
        }
    }
    if case.device_type.is_by_rollout_only(index) {
        return None;
    }
    let why = release::not_published(case, candidate).or_else(|| release::penalty(case, candidate));
    if let Some(why) = why {
        trail.skip(candidate, why);
        return None;
    }
    Some(release::direct(candidate))
}
