use std::io::SeekFrom;
use std::path::Path;

use bytes::Bytes;
use futures_util::{Stream, stream};
use tokio::fs::File;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};

use crate::relay::Lease;

/// Bytes in memory for one download that is streamed from disk: a few packets' worth.
pub(super) const CHUNK: usize = 64 * 1024;

/// A part of a file in pieces, which hold on to the lease until they are sent or given up.
pub(super) async fn pieces(
    path: &Path,
    start: u64,
    length: u64,
    lease: Option<Lease>,
) -> std::io::Result<impl Stream<Item = std::io::Result<Bytes>> + Send + 'static> {
    let mut file = File::open(path).await?;
    file.seek(SeekFrom::Start(start)).await?;
    Ok(stream::try_unfold(
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
    ))
}
