use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::stream::BoxStream;
use futures_util::{StreamExt as _, TryStreamExt as _};
use object_store::ObjectStoreExt as _;
use object_store::path::Path;
use object_store::signer::Method;
use sha2::{Digest as _, Sha256};
use updraft_protocol::version::Version;
use updraft_protocol::{DeviceTypeName, Digest};

use super::layout::FIRMWARE;
use super::production::check;
use super::{Depot, DepotError, Result};

/// Largest `firmware.bin` that is read, in bytes: no ESP app image is larger.
const MAX_FIRMWARE: u64 = 16 * 1024 * 1024;

/// A firmware as it comes in.
pub type Pieces = BoxStream<'static, Result<Bytes>>;

impl Depot {
    /// A release's firmware, piece by piece.
    pub async fn release_firmware(
        &self,
        device_type: &DeviceTypeName,
        version: &Version,
    ) -> Result<Pieces> {
        self.pieces(self.release_path(device_type, version).join(FIRMWARE))
            .await
    }

    /// The deployed firmware, piece by piece.
    pub async fn production_firmware(&self, device_type: &DeviceTypeName) -> Result<Pieces> {
        self.pieces(self.production_path(device_type).join(FIRMWARE))
            .await
    }

    /// A release's whole firmware, which must have this SHA-256.
    pub async fn fetch(
        &self,
        device_type: &DeviceTypeName,
        version: &Version,
        sha256: Digest,
    ) -> Result<Bytes> {
        let path = self.release_path(device_type, version).join(FIRMWARE);
        let mut pieces = self.pieces(path.clone()).await?;
        let mut whole = BytesMut::new();
        while let Some(piece) = pieces.try_next().await? {
            whole.extend_from_slice(&piece);
        }
        check(&path, &whole, sha256)?;
        Ok(whole.freeze())
    }

    /// An address from which whoever has it can get a release's firmware, without credentials, until `expires` is
    /// over; none if this depot is a folder.
    pub async fn sign(
        &self,
        device_type: &DeviceTypeName,
        version: &Version,
        expires: Duration,
    ) -> Result<Option<String>> {
        let Some(signer) = &self.signer else {
            return Ok(None);
        };
        let path = self.release_path(device_type, version).join(FIRMWARE);
        let url = signer
            .signed_url(Method::GET, &path, expires)
            .await
            .map_err(DepotError::failed("sign an address of", &path))?;
        Ok(Some(url.into()))
    }

    /// The SHA-256 of what lies there now.
    pub(super) async fn digest_of(&self, path: &Path) -> Result<Digest> {
        let mut hasher = Sha256::new();
        let mut pieces = self.pieces(path.clone()).await?;
        while let Some(piece) = pieces.try_next().await? {
            hasher.update(&piece);
        }
        Ok(Digest(hasher.finalize().into()))
    }

    async fn pieces(&self, path: Path) -> Result<Pieces> {
        let got = self
            .store
            .get(&path)
            .await
            .map_err(DepotError::failed("read", &path))?;
        let size = got.meta.size;
        if size > MAX_FIRMWARE {
            return Err(DepotError::TooLarge {
                path: path.to_string(),
                size,
                limit: MAX_FIRMWARE,
            });
        }
        let failed = move |error| DepotError::failed("read", &path)(error);
        Ok(got.into_stream().map_err(failed).boxed())
    }
}
