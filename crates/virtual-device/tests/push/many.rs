//! Fifty uploads at once.

use std::sync::Arc;

use crate::device::Bench;
use crate::http::{exchange, push};
use crate::images::release;

const UPLOADS: usize = 50;

#[test]
fn one_of_fifty_uploads_wins() {
    let device = Bench::new().power_on();
    let request: Arc<[u8]> = push("", release("1.1.0").bytes).into();
    let address = device.ota;
    let uploads: Vec<_> = (0..UPLOADS)
        .map(|_| {
            let request = Arc::clone(&request);
            std::thread::spawn(move || exchange(address, &request))
        })
        .collect();
    device.wait_for("running 1.1.0 from ota_0, on trial");
    let answers: Vec<_> = uploads
        .into_iter()
        .map(|upload| upload.join().ok())
        .collect();
    let won = answers
        .iter()
        .flatten()
        .filter(|answer| answer.status == 200)
        .count();
    assert_eq!(won, 1, "{answers:?}");
    let busy = answers
        .iter()
        .flatten()
        .filter(|answer| answer.status == 409 && answer.code() == "busy")
        .inspect(|answer| {
            assert!(
                answer.text().contains("an update by push from 127.0.0.1"),
                "{answer:?}"
            );
        })
        .count();
    // Those still in line when the device reset were cut off, or came to the app on trial.
    let trial = answers
        .iter()
        .flatten()
        .filter(|answer| answer.status == 409 && answer.code() == "on_trial")
        .count();
    let cut = answers.iter().filter(|answer| answer.is_none()).count();
    println!("{won} won, {busy} told busy, {trial} on trial, {cut} cut off by the reset");
    assert!(busy > 0);
    assert_eq!(won + busy + trial + cut, UPLOADS);
    device.wait_for("1.1.0 is confirmed");
}
