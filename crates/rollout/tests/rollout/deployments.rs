//! A deployment's table of transitions: total, and true to what may follow from what.

use updraft_protocol::api::DeploymentState;
use updraft_protocol::api::rollout::Timers;
use updraft_rollout::deployment::{Ending, News, Place, Tally, Timing, deadline, lost_after, step};

fn places() -> impl Iterator<Item = Place> {
    let states = DeploymentState::ALL.iter().copied().map(Some);
    std::iter::once(None).chain(states)
}

/// Every (state, event) pair is defined; what is not a change is passed over and stays so.
#[test]
fn every_pair_of_place_and_news_is_defined() {
    let mut pairs = 0;
    for place in places() {
        for news in News::ALL {
            pairs += 1;
            if let Some(next) = step(place, news) {
                assert_ne!(next.to, place, "{place:?} {news:?} is no change");
                // The same word twice changes nothing more, but that a claim may be followed by itself as nothing.
                assert_eq!(step(next.to, news), None, "{place:?} {news:?} twice");
            }
        }
    }
    assert_eq!(pairs, 13 * 18);
}

/// The new app's own ELF SHA-256 is the truth, whatever was thought before.
#[test]
fn late_truths_are_believed_from_everywhere() {
    for place in places().filter(|place| *place != Some(DeploymentState::Confirmed)) {
        let next = step(place, News::Proven).unwrap();
        assert_eq!(next.to, Some(DeploymentState::Confirmed), "{place:?}");
    }
}

#[test]
fn only_proof_confirms_and_only_proof_undoes_it() {
    for place in places() {
        for news in News::ALL.into_iter().filter(|news| *news != News::Proven) {
            let to = step(place, news).map(|next| next.to);
            assert_ne!(
                to,
                Some(Some(DeploymentState::Confirmed)),
                "{place:?} {news:?}"
            );
            if place == Some(DeploymentState::Confirmed) && to.is_some() {
                assert!(
                    matches!(
                        news,
                        News::Offered
                            | News::Ended {
                                other_runs: true,
                                ..
                            }
                    ),
                    "{news:?}"
                );
            }
        }
    }
}

/// One try fails once, in however many words.
#[test]
fn a_failure_is_counted_when_it_begins_and_not_again() {
    for place in places() {
        for news in News::ALL {
            let Some(next) = step(place, news) else {
                continue;
            };
            let was = place.is_some_and(DeploymentState::is_failure);
            let is = next.to.is_some_and(DeploymentState::is_failure);
            assert_eq!(
                next.failures == Tally::OneMore,
                is && !was,
                "{place:?} {news:?}"
            );
        }
    }
    let timed_out = Some(DeploymentState::TimedOut);
    assert_eq!(
        step(timed_out, News::Rebooting).unwrap().failures,
        Tally::OneLess
    );
}

#[test]
fn a_lost_device_that_returns_with_the_old_app_was_rolled_back() {
    let lost = Some(DeploymentState::Lost);
    assert_eq!(
        step(lost, News::OtherRuns).unwrap().to,
        Some(DeploymentState::RolledBack)
    );
    let told = News::Ended {
        how: Ending::RolledBack,
        other_runs: true,
    };
    assert_eq!(
        step(lost, told).unwrap().to,
        Some(DeploymentState::RolledBack)
    );
}

/// Offered and nothing came of it: eligible again, no failure.
#[test]
fn an_expired_offer_is_no_failure() {
    let next = step(Some(DeploymentState::Offered), News::Deadline).unwrap();
    assert_eq!((next.to, next.failures), (None, Tally::Same));
}

/// Cancel stops what has not begun, revoke everything short of activation, neither what has happened.
#[test]
fn calling_off_reaches_no_further_than_activation() {
    use DeploymentState::{Cancelled, Downloaded, Downloading, Offered};
    let stopped = |news: News| -> Vec<DeploymentState> {
        let states = DeploymentState::ALL.iter().copied();
        states
            .filter(|state| step(Some(*state), news).is_some_and(|next| next.to == Some(Cancelled)))
            .collect()
    };
    assert_eq!(stopped(News::Drop), [Offered]);
    assert_eq!(stopped(News::Revoke), [Offered, Downloading, Downloaded]);
}

/// Lost after max(15 minutes, 3 of the device's own poll intervals).
#[test]
fn lost_is_by_the_devices_own_habit() {
    let timers = Timers::default();
    assert_eq!(lost_after(None, &timers), 900);
    assert_eq!(lost_after(Some(60), &timers), 900);
    assert_eq!(lost_after(Some(86_400), &timers), 3 * 86_400);
    let timing = Timing {
        since: 1000,
        began: 100,
        activate_from: None,
        poll_s: Some(1000),
    };
    assert_eq!(
        deadline(Some(DeploymentState::Rebooting), &timing, &timers),
        Some(4000)
    );
    assert_eq!(
        deadline(Some(DeploymentState::Downloading), &timing, &timers),
        Some(3700)
    );
    let early = Timing {
        activate_from: Some(90_000),
        ..timing
    };
    assert_eq!(
        deadline(Some(DeploymentState::Downloaded), &early, &timers),
        Some(93_600),
        "waiting for the window is no delay"
    );
    for place in places().filter(|place| !place.is_some_and(DeploymentState::is_open)) {
        assert_eq!(deadline(place, &timing, &timers), None, "{place:?}");
    }
}
