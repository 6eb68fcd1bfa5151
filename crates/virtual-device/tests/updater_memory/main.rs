//! How much memory the updater takes, measured: its own size, its future's, and the heap of a whole update.
//!
//! A binary of its own, because the counting allocator counts for a whole process. Flash and server use no
//! heap here, so that what is counted is the updater's.

mod board;

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use board::Script;
use peak_alloc::PeakAlloc;
use updraft_agent::slot::PIECE;
use updraft_agent::{MAX_FUTURE, MAX_HEAP, MAX_UPDATER, Updater};

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

#[test]
fn the_documented_bounds_hold() {
    let script = Script::of_an_update();
    let updater = Updater::new(board::boot(script), board::parts(script), board::settings())
        .expect("an updater");
    let size = size_of_val(&updater);

    let life = updater.run();
    let future = size_of_val(&life);
    let mut life = pin!(life);
    let mut context = Context::from_waker(Waker::noop());
    let before = HEAP.current_usage();
    HEAP.reset_peak_usage();
    let mut polls = 0;
    while !script.is_reset() {
        let Poll::Pending = life.as_mut().poll(&mut context);
        polls += 1;
        assert!(polls < 100, "the update does not end");
        script.jump();
    }
    let peak = HEAP.peak_usage() - before;
    let during = script.heap_during_download();

    println!("Updater: {size} bytes, at most {MAX_UPDATER}");
    println!("future of run(): {future} bytes, at most {MAX_FUTURE}");
    println!("heap of a whole update: {peak} bytes, at most {MAX_HEAP}");
    println!("heap taken or given back during the download: {during:?}");
    assert!(script.activated(), "the update was installed");
    assert!(size <= MAX_UPDATER, "{size}");
    assert!(future <= MAX_FUTURE, "{future}");
    assert!(peak <= MAX_HEAP, "{peak}");
    assert!(peak >= PIECE, "the piece at least was counted: {peak}");
    assert!(
        during.len() > 4 && during.windows(2).all(|pair| pair[0] == pair[1]),
        "{during:?}"
    );
}
