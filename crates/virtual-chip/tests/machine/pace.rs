//! The chip's time beside the host's.

use std::time::{Duration, Instant};

use updraft_virtual_chip::VirtualChip;

use crate::support::assembler::{WFI, halt};
use crate::support::program::flash;

/// What a run may be ahead of the host's clock, which is asked every 2 ms.
const AHEAD: Duration = Duration::from_millis(5);

/// Runs a program; its time must not go faster than it was told. How much slower, the host decides.
fn is_never_ahead(code: &[u32], mips: u32, speed: u32) {
    const TIME: Duration = Duration::from_millis(300);
    let mut chip = VirtualChip::builder(flash(code))
        .mips(mips)
        .speed(f64::from(speed))
        .build();
    let start = Instant::now();
    chip.run_for(TIME).expect("it runs");
    let took = start.elapsed() * speed;
    assert!(took + AHEAD * speed >= TIME, "{TIME:?} took {took:?}");
}

#[test]
fn a_processor_that_works_is_never_ahead_of_the_hosts_clock() {
    is_never_ahead(&[halt()], 3, 1);
    is_never_ahead(&[halt()], 40, 1);
    is_never_ahead(&[halt()], 3, 4);
}

#[test]
fn a_processor_that_waits_is_never_ahead_of_the_hosts_clock() {
    is_never_ahead(&[WFI, halt()], 40, 1);
}
