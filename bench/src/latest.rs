//! `GET /firmwares/latest/{type}` by an identified device, against the same bytes in a file.

use crate::Result;
use crate::figure::{Aim, Figure, Quantity};
use crate::server::{DEVICE, DEVICE_TYPE, Server};
use crate::wrk::{CONNECTIONS, compare_with_file};

/// The version the asking device runs: the release is newer.
const RUNNING: &str = "1.0.0";

pub(crate) async fn measure(server: &Server, seconds: u32) -> Result<Vec<Figure>> {
    let authorization = format!("Bearer {}", server.enrol().await?);
    let headers = [
        ("Authorization", authorization.as_str()),
        ("X-Device-Id", DEVICE),
        ("X-Device-Version", RUNNING),
    ];
    let path = format!("/firmwares/latest/{DEVICE_TYPE}");
    let (answer, [ours, peer]) = compare_with_file(server, &path, &headers, seconds).await?;
    let rate = |value| Quantity {
        value,
        unit: "requests/s",
    };
    Ok(vec![Figure {
        what: "GET latest, identified device".to_owned(),
        ours: rate(ours.requests_per_second),
        peer: Some(("nginx, static file", rate(peer.requests_per_second))),
        aim: Aim::RatioAtLeast(0.9),
        how: format!(
            "token, device id and version are checked and the offer decided at every request; {} bytes of JSON; \
             wrk, 1 thread, {CONNECTIONS} connections, middle of 3 runs of {seconds} s in turns; {:.1} us of processor time a request, nginx {:.1}",
            answer.body.len(),
            ours.cpu_us,
            peer.cpu_us
        ),
    }])
}
