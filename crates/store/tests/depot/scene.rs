//! The depots that every test runs on.

use bytes::Bytes;
use object_store::path::Path;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use updraft_protocol::version::Version;
use updraft_protocol::{DeviceTypeName, Digest};
use updraft_store::depot::{Depot, DepotAt, Metadata, S3Options};

use crate::s3::{BUCKET, S3Server};

/// A depot and what it stands on.
pub struct Place {
    pub name: &'static str,
    pub depot: Depot,
    folder: Option<TempDir>,
    pub s3: Option<S3Server>,
}

pub fn folder() -> Place {
    let folder = tempfile::tempdir().unwrap();
    let at = DepotAt::read(folder.path().to_str().unwrap(), S3Options::default()).unwrap();
    Place {
        name: "a folder",
        depot: Depot::open(&at).unwrap(),
        folder: Some(folder),
        s3: None,
    }
}

pub fn bucket() -> Place {
    let s3 = S3Server::start();
    let at = DepotAt::read(&format!("s3://{BUCKET}/sds"), options(&s3)).unwrap();
    Place {
        name: "S3",
        depot: Depot::open(&at).unwrap(),
        folder: None,
        s3: Some(s3),
    }
}

pub fn options(s3: &S3Server) -> S3Options {
    S3Options {
        endpoint: Some(s3.endpoint()),
        credentials_file: Some(s3.credentials_file()),
        ..S3Options::default()
    }
}

/// Both.
pub fn places() -> [Place; 2] {
    [folder(), bucket()]
}

impl Place {
    /// Where the file with this path lies on this machine's disk.
    pub fn file(&self, path: &str) -> std::path::PathBuf {
        match (&self.folder, &self.s3) {
            (Some(folder), _) => folder.path().join(path),
            (None, Some(s3)) => s3.object(&format!("sds/{path}")),
            (None, None) => unreachable!("a place is one of the two"),
        }
    }

    /// What a reader who knows nothing of Updraft finds.
    pub fn text(&self, path: &str) -> String {
        std::fs::read_to_string(self.file(path)).unwrap()
    }

    pub fn is_there(&self, path: &str) -> bool {
        self.file(path).exists()
    }

    /// Writes a file as another program would, past Updraft.
    pub async fn put(&self, path: &str, bytes: impl Into<Bytes>) {
        if self.folder.is_some() {
            let file = self.file(path);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, bytes.into()).unwrap();
            return;
        }
        // Through the server, so that its own notes of the object are right.
        let s3 = self.s3.as_ref().unwrap();
        let store = object_store::aws::AmazonS3Builder::new()
            .with_endpoint(s3.endpoint())
            .with_allow_http(true)
            .with_region("us-east-1")
            .with_bucket_name(BUCKET)
            .with_access_key_id(&s3.key_id)
            .with_secret_access_key(&s3.secret)
            .build()
            .unwrap();
        let path = Path::parse(format!("sds/{path}")).unwrap();
        object_store::ObjectStoreExt::put(&store, &path, bytes.into().into())
            .await
            .unwrap();
    }
}

pub fn esp32s3() -> DeviceTypeName {
    "esp32s3".parse().unwrap()
}

pub fn version(text: &str) -> Version {
    Version::parse(text).unwrap()
}

/// Some bytes; the depot does not look into them.
pub fn firmware(of: &str) -> Bytes {
    format!("the firmware {of}").repeat(20_000).into()
}

pub fn digest(bytes: &[u8]) -> Digest {
    Digest(Sha256::digest(bytes).into())
}

pub fn metadata(version: &str, firmware: &[u8]) -> Metadata {
    Metadata {
        version: Some(version.to_owned()),
        sha256: Some(digest(firmware)),
        description: Some("what changed".to_owned()),
        ..Metadata::default()
    }
}

/// Puts a release whose firmware is [`firmware`] of its version.
pub async fn put(
    depot: &Depot,
    text: &str,
) -> updraft_store::depot::Result<updraft_store::depot::Put> {
    let bytes = firmware(text);
    depot
        .put_release(&esp32s3(), &version(text), &bytes, &metadata(text, &bytes))
        .await
}

/// Promotes such a release.
pub async fn promote(depot: &Depot, text: &str) -> updraft_store::depot::Result<()> {
    let bytes = firmware(text);
    let metadata = metadata(text, &bytes);
    depot
        .promote(&esp32s3(), &version(text), bytes, &metadata)
        .await
}
