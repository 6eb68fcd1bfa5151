//! An outcome reaches the server once, however long it takes.

use updraft_flash::slot::AppSlot;
use updraft_protocol::{ReasonCode, Report, UpdateStatus};

use crate::device::{Device, waits};
use crate::support::images::release;
use crate::support::life::End;
use crate::support::reply::{Reply, Then};
use crate::support::seen::Seen;
use crate::support::server::Request;

fn is_outcome(request: &Request) -> bool {
    request.is_report() && {
        let report: Report = serde_json::from_slice(&request.body).expect("a report");
        report.update_status != UpdateStatus::Downloading
            && report.update_status != UpdateStatus::Rebooting
    }
}

fn outcome_bodies(device: &Device) -> Vec<Vec<u8>> {
    let server = device.server();
    let outcomes = server.requests.iter().filter(|request| is_outcome(request));
    outcomes.map(|request| request.body.clone()).collect()
}

#[test]
fn a_report_is_kept_until_it_is_acknowledged_and_sent_as_it_was() {
    for version in ["1.1.0", "1.2.0"] {
        let mut device = Device::wanting(release(version));
        device.intercept(|request| {
            is_outcome(request).then(|| Reply::new("500 Oops", "", b"disk full".as_slice()))
        });
        device.poll();
        device.loses_power();
        device.polls(2);
        device.loses_power();
        device.poll();
        assert!(device.outcomes().is_empty());
        let tried = outcome_bodies(&device);
        assert!(tried.len() >= 5, "{}", tried.len());
        assert!(
            tried.iter().all(|body| *body == tried[0]),
            "it must stay what it was"
        );

        device.server().intercept = None;
        device.polls(3);
        assert_eq!(device.outcomes().len(), 1, "once");
        assert_eq!(outcome_bodies(&device).last(), Some(&tried[0]));
        device.loses_power();
        device.polls(2);
        assert_eq!(device.outcomes().len(), 1, "and no more");
    }
}

#[test]
fn an_acknowledgement_that_gets_lost_costs_a_second_copy_and_no_more() {
    let mut device = Device::wanting(release("1.1.0"));
    let mut lost = false;
    device.intercept(move |request| {
        let now = is_outcome(request) && !std::mem::replace(&mut lost, true);
        now.then(|| Reply::raw("HTTP/1.1 200").then(Then::Reset))
    });
    device.polls(3);
    let bodies = outcome_bodies(&device);
    assert_eq!(bodies.len(), 2);
    assert_eq!(bodies[0], bodies[1]);
}

#[test]
fn no_update_begins_over_an_outcome_the_server_has_not_heard() {
    let mut device = Device::wanting(release("1.2.0"));
    device.intercept(|request| {
        is_outcome(request).then(|| Reply::new("503 Busy", "", b"later".as_slice()))
    });
    device.poll();
    device.wants(release("1.1.0"));
    device.server().requests.clear();
    assert_eq!(device.polls(2), End::Stopped(AppSlot::Ota(0)));
    assert!(device.downloads().is_empty());
    device.server().intercept = None;
    // Heard now; the fleet's rule is about 1.2.0.
    device.poll();
    assert_eq!(
        device.outcome(),
        (UpdateStatus::RolledBack, Some(ReasonCode::RolledBack))
    );
    device.server().reports.clear();
    assert_eq!(device.poll(), End::Stopped(AppSlot::Ota(1)));
    device.assert_confirmed(1, "1.1.0");
}

#[test]
fn a_rollback_is_reported_as_soon_as_there_is_a_network_and_not_at_the_first_poll() {
    let mut device = Device::wanting(release("1.2.0"));
    device.life.settings.min_uptime_seconds = 300;
    let mut tries = 0;
    device.intercept(move |request| {
        tries += usize::from(is_outcome(request));
        // As right after a reset: the first tries reach nobody.
        (is_outcome(request) && tries <= 2).then(|| Reply::raw("").then(Then::Reset))
    });
    let is_back = |seen: &[(u64, Seen)]| {
        let back = seen
            .iter()
            .position(|(_, seen)| matches!(seen, Seen::RolledBack(_)));
        back.is_some_and(|back| waits(&seen[back..]) == 1)
    };
    device.lives_until(&is_back);
    let expected = (UpdateStatus::RolledBack, Some(ReasonCode::RolledBack));
    assert_eq!(device.outcome(), expected);
    let seen = device.seen();
    let told = |seen: &&Seen| matches!(seen, Seen::Other(words) if words.starts_with("the report waits: "));
    assert_eq!(seen.iter().filter(told).count(), 2, "{seen:#?}");
    // Two pauses, of 2 s and 4 s, are part of the wait for the first poll.
    assert_eq!(seen.last(), Some(&Seen::Waiting { ms: 294_000 }));
}

#[test]
fn a_report_the_server_will_never_take_does_not_stop_the_check_ins() {
    for status in [
        "400 Bad Request",
        "404 Not Found",
        "409 Conflict",
        "413 Content Too Large",
        "422 Unprocessable",
    ] {
        let mut device = Device::wanting(release("1.2.0"));
        device.intercept(move |request| {
            is_outcome(request).then(|| Reply::new(status, "", b"never".as_slice()))
        });
        device.poll();
        // The rollback, and the refusal of the same build, which the server has not understood.
        let bodies = outcome_bodies(&device);
        assert_eq!(bodies.len(), 2, "{status}");
        assert_ne!(bodies[0], bodies[1], "{status}");
        device.wants(release("1.1.0"));
        assert_eq!(device.poll(), End::Stopped(AppSlot::Ota(1)), "{status}");
        device.server().intercept = None;
    }
}

#[test]
fn a_report_refused_for_who_asks_or_how_often_is_kept() {
    for status in [
        "401 Unauthorized",
        "403 Forbidden",
        "408 Timeout",
        "429 Too Many",
    ] {
        let mut device = Device::wanting(release("1.2.0"));
        device.intercept(move |request| {
            is_outcome(request).then(|| Reply::new(status, "", b"not now".as_slice()))
        });
        device.poll();
        device.server().intercept = None;
        device.poll();
        assert_eq!(device.outcomes().len(), 1, "{status}");
    }
}
