use std::io::SeekFrom;
use std::path::Path;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use tokio::fs::File;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};

use crate::relay::Lease;

/// Bytes in memory for one download that is streamed from disk: a few packets' worth.
pub(super) const CHUNK: usize = 64 * 1024;

/// A part of a file as a body, which holds on to the lease until it is sent or given up.
pub(super) async fn body(
    path: &Path,
    start: u64,
    length: u64,
    lease: Option<Lease>,
) -> std::io::Result<Body> {
    let mut file = File::open(path).await?;
    file.seek(SeekFrom::Start(start)).await?;
    Ok(Body::from_stream(stream::try_unfold(
        (file, length, lease),
        async |(mut file, left, lease)| -> std::io::Result<_> {
            if left == 0 {
                return Ok(None);
            }
            let mut chunk = vec![0; CHUNK.min(usize::try_from(left).unwrap_or(CHUNK))];
            file.read_exact(&mut chunk).await?;
            let left = left - chunk.len() as u64;
            Ok(Some((Bytes::from(chunk), (file, left, lease))))
        },
    )))
}
