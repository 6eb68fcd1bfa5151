//! How long the updater waits, and for what.

use std::rc::Rc;

use proptest::prelude::*;
use updraft_flash::slot::AppSlot;
use updraft_protocol::{ReasonCode, UpdateStatus};

use crate::device::{Device, waits};
use crate::support::images::release;
use crate::support::life::End;
use crate::support::reply::{Reply, Then};
use crate::support::seen::Seen;
use crate::support::server::download;

const MINUTE: u64 = 60_000;

fn bytes() -> &'static [u8] {
    release("1.1.0").bytes
}

fn retries(device: &Device) -> Vec<u64> {
    let seen = device.seen();
    let after = seen.iter().filter_map(|seen| match seen {
        Seen::Retrying { after_ms, .. } => Some(*after_ms),
        _ => None,
    });
    after.collect()
}

fn pauses(device: &Device) -> Vec<u64> {
    let seen = device.seen();
    let after = seen.iter().filter_map(|seen| match seen {
        Seen::Waiting { ms } => Some(*ms),
        _ => None,
    });
    after.collect()
}

#[test]
fn seed_004_failure_recovery_a_lost_connection_is_tried_after_2_4_8_16_and_32_seconds_and_then_at_the_next_poll()
 {
    let mut device = Device::wanting(release("1.1.0"));
    device.life.settings.jitter_percent = 0;
    device.intercept(|request| {
        request
            .is_download()
            .then(|| Reply::raw("").then(Then::Reset))
    });
    let end = device.polls(2);
    let once = [2000, 4000, 8000, 16_000, 32_000];
    assert_eq!(retries(&device), [once, once].concat());
    assert_eq!(device.downloads().len(), 12);
    assert_eq!(pauses(&device), [300_000, 300_000]);
    let reasons: Vec<_> = device
        .outcomes()
        .iter()
        .map(|report| report.reason)
        .collect();
    assert_eq!(reasons, [Some(ReasonCode::ConnectionLost); 2]);
    device.assert_as_it_was(&end);
    // The waits are really waited: 62 s between the first try and the last.
    let server = device.server();
    let times: Vec<_> = server
        .requests
        .iter()
        .filter(|r| r.is_download())
        .map(|r| r.at_ms)
        .collect();
    assert_eq!(times[5] - times[0], 62_000);
    assert_eq!(times[6] - times[5], 300_000);
}

#[test]
fn a_server_that_is_short_of_time_is_asked_again_when_it_says() {
    for (said, waited) in [
        ("Retry-After: 47\r\n", 47_000),
        ("retry-after:  900 \r\n", 900_000),
        // No longer than a day, and no date: then it is the device's own interval.
        ("Retry-After: 4000000000\r\n", 86_400_000),
        ("Retry-After: 0\r\n", 1000),
        ("Retry-After: Fri, 31 Dec 2027 23:59:59 GMT\r\n", 300_000),
        ("Retry-After: -5\r\n", 300_000),
        ("", 300_000),
    ] {
        let mut device = Device::wanting(release("1.0.0"));
        device.life.settings.jitter_percent = 0;
        device.intercept(move |request| {
            let busy = || Reply::new("503 Service Unavailable", said, b"busy".as_slice());
            request.is_check_in().then(busy)
        });
        assert_eq!(device.poll(), End::Stopped(AppSlot::Ota(0)), "{said:?}");
        assert_eq!(pauses(&device), [waited], "{said:?}");
        assert_eq!(device.failures(), [ReasonCode::ServerRefused], "{said:?}");
    }
}

#[test]
fn a_connection_that_carried_bytes_counts_as_a_new_one() {
    // Nothing, nothing, 50,000 bytes, nothing, and then all.
    let mut device = Device::wanting(release("1.1.0"));
    device.life.settings.jitter_percent = 0;
    let mut tries = 0;
    device.intercept(move |request| {
        if !request.is_download() {
            return None;
        }
        tries += 1;
        match tries {
            1 | 2 | 4 => Some(Reply::raw("").then(Then::Reset)),
            3 => Some(download(bytes(), request).cut_to(50_000)),
            _ => None,
        }
    });
    device.life.settings.stability_seconds = 0;
    assert_eq!(device.poll(), End::Stopped(AppSlot::Ota(1)));
    let all = device.all_seen();
    let after: Vec<_> = all
        .iter()
        .filter_map(|seen| match seen {
            Seen::Retrying { after_ms, .. } => Some(*after_ms),
            _ => None,
        })
        .collect();
    assert_eq!(after, [2000, 4000, 2000, 4000]);
}

#[test]
fn seed_004_failure_recovery_a_download_over_five_minutes_is_given_up_and_gone_on_with_at_the_next_poll()
 {
    // 2,500 bytes a second: 750,000 of them in five minutes, of which eleven whole blocks are noted.
    let mut device = Device::wanting(release("1.1.0"));
    device.life.settings.jitter_percent = 0;
    device.intercept(|request| {
        let slow = || download(bytes(), request).at_bytes_per_second(2500);
        request.is_download().then(slow)
    });
    let end = device.poll();
    let timeout = (UpdateStatus::Failed, Some(ReasonCode::DownloadTimeout));
    assert_eq!(device.outcome(), timeout);
    device.assert_as_it_was(&end);
    let given_up = device
        .server()
        .requests
        .iter()
        .rfind(|r| r.is_report())
        .map(|r| r.at_ms);
    assert_eq!(given_up, Some(5 * MINUTE));

    // Across a loss of power, too.
    device.loses_power();
    device.server().reports.clear();
    assert_eq!(device.poll(), End::Stopped(AppSlot::Ota(1)));
    assert_eq!(device.downloads(), [0, 11 * 65_536]);
    device.assert_confirmed(1, "1.1.0");
}

#[test]
fn a_download_that_crawls_gets_there_in_the_end() {
    let mut device = Device::wanting(release("1.1.0"));
    device.intercept(|request| {
        let slow = || download(bytes(), request).at_bytes_per_second(300);
        request.is_download().then(slow)
    });
    let confirmed = |seen: &[(u64, Seen)]| seen.iter().any(|(_, seen)| *seen == Seen::Confirmed);
    assert_eq!(
        device.lives_until(&confirmed),
        End::Stopped(AppSlot::Ota(1))
    );
    // 90,000 bytes in five minutes: one whole block of them is noted, until that is enough for what is left.
    let mut expected = vec![0];
    while let Some(last) = expected
        .last()
        .filter(|last| bytes().len() - **last > 90_000)
    {
        expected.push(last + 65_536);
    }
    assert!(expected.len() > 10, "{expected:?}");
    assert_eq!(device.downloads(), expected);
}

#[test]
fn a_server_that_falls_silent_is_a_lost_connection() {
    for sent in [0, 10, 100_000] {
        let mut device = Device::wanting(release("1.1.0"));
        device.life.settings.jitter_percent = 0;
        let mut silent = true;
        device.intercept(move |request| {
            let now = request.is_download() && std::mem::take(&mut silent);
            now.then(|| match sent {
                0 => Reply::raw("").then(Then::Silence),
                sent => download(bytes(), request).cut_to(sent).then(Then::Silence),
            })
        });
        device.poll();
        let server = device.server();
        let times: Vec<_> = server
            .requests
            .iter()
            .filter(|r| r.is_download())
            .map(|r| r.at_ms)
            .collect();
        assert_eq!(times[1] - times[0], 30_000 + 2000, "{sent}");
        drop(server);
        device.assert_confirmed(1, "1.1.0");
    }
}

#[test]
fn the_first_check_in_waits_for_the_minimum_uptime() {
    let mut device = Device::wanting(release("1.0.0"));
    device.life.settings.min_uptime_seconds = 300;
    device.polls(2);
    assert_eq!(device.server().requests[0].at_ms, 5 * MINUTE);
    assert_eq!(device.server().check_ins[0].uptime_seconds, Some(300));
}

#[test]
fn the_servers_interval_is_kept_within_reason() {
    for (asked, waited) in [
        (0, 1),
        (1, 1),
        (7, 7),
        (86_400, 86_400),
        (86_401, 86_400),
        (u32::MAX, 86_400),
    ] {
        let mut device = Device::wanting(release("1.0.0"));
        device.life.settings.jitter_percent = 0;
        device.server().poll_after_seconds = asked;
        device.polls(3);
        assert_eq!(pauses(&device), [waited * 1000; 3], "{asked}");
    }
    // Without the server's word, the device's own.
    for (own, waited) in [(0, 1), (90, 90), (u32::MAX, 86_400)] {
        let mut device = Device::wanting(release("1.0.0"));
        device.life.settings.jitter_percent = 0;
        device.life.settings.poll_seconds = own;
        device.server().reachable = false;
        device.polls(1);
        assert_eq!(pauses(&device), [waited * 1000], "{own}");
        assert_eq!(device.failures(), [ReasonCode::Unreachable]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whatever is random, every wait is within the percentage; and it does vary.
    #[test]
    fn jitter_stays_within_its_bounds(random in any::<u32>(), percent in 0_u32..200, seconds in 0_u32..200_000) {
        let mut device = Device::wanting(release("1.1.0"));
        device.life.settings.jitter_percent = percent;
        device.life.random = Rc::new(move |bytes| {
            for (to, from) in bytes.iter_mut().zip(random.to_le_bytes()) {
                *to = from;
            }
        });
        device.server().poll_after_seconds = seconds;
        device.intercept(|request| request.is_download().then(|| Reply::raw("").then(Then::Reset)));
        // A wait of no time at all is none, so the end is the report.
        let reported = |seen: &[(u64, Seen)]| waits(seen) >= 1;
        if percent < 100 {
            device.lives_until(&reported);
        } else {
            // Up to twice as long, and down to nothing.
            let failed = |seen: &[(u64, Seen)]| seen.iter().any(|(_, seen)| matches!(seen, Seen::Failed(_)));
            device.lives_until(&failed);
        }
        let spread = |ms: u64| ms * u64::from(percent.min(100)) / 100;
        let nominal = [2000, 4000, 8000, 16_000, 32_000];
        let after = retries(&device);
        prop_assert!(after.len() >= 5);
        for (after, nominal) in after.iter().zip(nominal) {
            prop_assert!((nominal - spread(nominal)..=nominal + spread(nominal)).contains(after));
        }
        let nominal = u64::from(seconds.clamp(1, 86_400)) * 1000;
        for pause in pauses(&device) {
            prop_assert!((nominal - spread(nominal)..=nominal + spread(nominal)).contains(&pause));
        }
        if percent >= 10 {
            // The two ends of the range.
            let ends = [0_u32, u32::MAX].map(|random| {
                let mut device = Device::wanting(release("1.0.0"));
                device.life.settings.jitter_percent = 10;
                device.life.random = Rc::new(move |bytes| bytes.copy_from_slice(&random.to_le_bytes()[..bytes.len()]));
                device.polls(1);
                pauses(&device)[0]
            });
            prop_assert_ne!(ends[0], ends[1]);
        }
    }
}
