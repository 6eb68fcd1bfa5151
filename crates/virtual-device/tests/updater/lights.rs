//! What the LEDs of a board show.

use updraft_protocol::{ReasonCode, UpdateStatus};

use crate::device::Device;
use crate::support::app::Led;
use crate::support::images::release;
use crate::support::reply::{Reply, Then};

/// What an LED showed, and when.
fn shown(device: &Device, which: Led) -> Vec<(u64, bool)> {
    let all = device.life.leds.borrow();
    let of = all.iter().filter(|(_, led, _)| *led == which);
    of.map(|(at, _, lit)| (*at, *lit)).collect()
}

#[test]
fn an_update_darkens_the_modules_and_toggles_the_link_every_5_percent() {
    let mut device = Device::wanting(release("1.1.0"));
    device.poll();
    assert_eq!(
        shown(&device, Led::Modules).len(),
        1,
        "off, and then the reset"
    );
    assert!(!shown(&device, Led::Modules)[0].1);
    let link: Vec<bool> = shown(&device, Led::Link)
        .iter()
        .map(|(_, lit)| *lit)
        .collect();
    // Twenty steps, and the verification, which takes no time here.
    assert!((20..=21).contains(&link.len()), "{link:?}");
    assert!(link.windows(2).all(|pair| pair[0] != pair[1]), "{link:?}");
}

#[test]
fn a_failed_update_blinks_ten_times_and_lights_the_modules_again() {
    let mut device = Device::wanting(release("1.1.0"));
    device.intercept(|request| {
        request
            .is_download()
            .then(|| Reply::raw("").then(Then::Reset))
    });
    device.polls(2);
    let expected = (UpdateStatus::Failed, Some(ReasonCode::ConnectionLost));
    assert_eq!(
        (
            device.outcomes()[0].update_status,
            device.outcomes()[0].reason
        ),
        expected
    );
    // Whatever comes after that is the next poll's.
    let link: Vec<_> = shown(&device, Led::Link).into_iter().take(21).collect();
    let times: Vec<u64> = link.iter().map(|(at, _)| *at).collect();
    // Ten on, ten off, 100 ms apart, and lit at the end.
    assert_eq!(link.len(), 21, "{link:?}");
    assert!(
        times[..20].windows(2).all(|pair| pair[1] - pair[0] == 100),
        "{times:?}"
    );
    assert!(link[20].1);
    assert_eq!(
        shown(&device, Led::Modules).last().map(|(_, lit)| *lit),
        Some(true)
    );
}

#[test]
fn a_file_turned_away_at_the_gate_leaves_the_modules_lit() {
    let mut device = Device::wanting(crate::support::images::image("c6-1.0.0"));
    device.polls(2);
    assert_eq!(device.outcome().1, Some(ReasonCode::WrongChip));
    assert!(shown(&device, Led::Modules).iter().all(|(_, lit)| *lit));
}
