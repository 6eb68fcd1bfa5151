//! A 1 MiB image downloaded over and over, against nginx with sendfile.

use serde::Deserialize;

use crate::Result;
use crate::figure::{Aim, Figure, Quantity};
use crate::image::ONE_MIB;
use crate::server::{DEVICE_TYPE, Server};
use crate::wrk::{CONNECTIONS, Rate, compare_with_file};

/// As much of the answer of `GET latest` as is needed.
#[derive(Deserialize)]
struct Offer {
    download_url: String,
}

/// Where the release is downloaded from, and the header to send.
pub(crate) async fn download(server: &Server) -> Result<(String, String)> {
    let authorization = format!("Bearer {}", server.enrol().await?);
    let path = format!("/firmwares/latest/{DEVICE_TYPE}");
    let headers = [("Authorization", authorization.as_str())];
    let offer: Offer = serde_json::from_slice(&server.get(&path, &headers).await?.body)?;
    Ok((offer.download_url, authorization))
}

pub(crate) async fn measure(server: &Server, seconds: u32) -> Result<Vec<Figure>> {
    let (path, authorization) = download(server).await?;
    let headers = [("Authorization", authorization.as_str())];
    let (_, [ours, peer]) = compare_with_file(server, &path, &headers, seconds).await?;
    Ok(vec![Figure {
        what: "1 MiB download".to_owned(),
        ours: throughput(ours),
        peer: Some(("nginx, sendfile", throughput(peer))),
        aim: Aim::RatioAtLeast(1.0),
        how: format!(
            "the token is checked at every request; an image of exactly 1 MiB, a fixture with its last segment \
             made longer; wrk, 1 thread, {CONNECTIONS} connections, middle of 3 runs of {seconds} s in turns; {:.0} us of processor time a download, nginx {:.0}",
            ours.cpu_us, peer.cpu_us
        ),
    }])
}

#[expect(clippy::cast_precision_loss, reason = "1 MiB is a small number")]
fn throughput(rate: Rate) -> Quantity {
    Quantity {
        value: rate.requests_per_second * ONE_MIB as f64 / 1e6,
        unit: "MB/s",
    }
}
