//! Several browsers at once, with an upload to the other slot under way.

use std::io::Write as _;

use crate::bench::{SLOT, bench, request, upload};
use crate::http::{Answer, connect, exchange, read_all};
use crate::site::frontend;

#[test]
fn browsers_are_served_during_an_upload() {
    let (old, new) = (frontend("1.0.0", SLOT), frontend("2.0.0", SLOT));
    let device = bench([Some(&old.image), None]).power_on();
    let address = device.http;
    let sending = upload("/api/ota/frontend", "", &new.image);
    let (first, rest) = sending.split_at(sending.len() / 2);
    let mut stream = connect(address);
    stream.write_all(first).expect("it takes the first half");
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for (path, contents) in old.files.iter().chain(&old.files) {
                    let get = request("GET", &format!("/{path}"), "");
                    let answer = exchange(address, &get);
                    assert_eq!(answer.status, 200, "{path}");
                    assert!(answer.body == *contents, "{path}");
                }
            });
        }
    });
    let status = device.status();
    assert_eq!(status["session"]["source"], "frontend");
    assert_eq!(status["session"]["slot"], "www_1");
    // A second upload is told who is updating.
    let second = device.send("/api/ota/frontend", "", &new.image);
    assert_eq!((second.status, second.code().as_str()), (409, "busy"));
    stream.write_all(rest).expect("it takes the rest");
    let answer = Answer::parse(&read_all(&mut stream)).expect("an answer");
    assert_eq!(answer.status, 200, "{}", answer.text());
    device.wait_for("2.0.0 is confirmed");
    assert_eq!(device.title(), "2.0.0");
}

#[test]
fn an_upload_that_is_broken_off_leaves_the_old_frontend() {
    let (old, new) = (frontend("1.0.0", SLOT), frontend("2.0.0", SLOT));
    let device = bench([Some(&old.image), None]).power_on();
    let sending = upload("/api/ota/frontend", "", &new.image);
    let mut stream = connect(device.http);
    stream
        .write_all(&sending[..sending.len() / 3])
        .expect("it takes a third");
    drop(stream);
    device.wait_for("update failed: the ");
    assert_eq!(device.title(), "1.0.0");
    assert_eq!(device.send("/api/ota/frontend", "", &new.image).status, 200);
    device.wait_for("2.0.0 is confirmed");
}
