//! The process ends between any two accesses to the store.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use async_trait::async_trait;
use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use updraft_store::depot::Put;

use crate::scene::{digest, esp32s3, firmware, places, promote, put, version};

/// A store that stops answering after so many accesses, as if the process had ended.
#[derive(Debug)]
struct Dying {
    store: Arc<dyn ObjectStore>,
    left: AtomicI64,
}

impl Dying {
    fn live(&self) -> Result<()> {
        if self.left.fetch_sub(1, Ordering::SeqCst) > 0 {
            return Ok(());
        }
        Err(Error::Generic {
            store: "dying",
            source: "the process ended here".into(),
        })
    }
}

impl fmt::Display for Dying {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "dying {}", self.store)
    }
}

#[async_trait]
impl ObjectStore for Dying {
    async fn put_opts(
        &self,
        path: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        self.live()?;
        self.store.put_opts(path, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        path: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.live()?;
        self.store.put_multipart_opts(path, options).await
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        self.live()?;
        self.store.get_opts(path, options).await
    }

    fn delete_stream(
        &self,
        _: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        panic!("nothing is ever deleted")
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        match self.live() {
            Ok(()) => self.store.list(prefix),
            Err(error) => stream::once(async { Err(error) }).boxed(),
        }
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.live()?;
        self.store.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.live()?;
        self.store.copy_opts(from, to, options).await
    }
}

fn dying(store: Arc<dyn ObjectStore>, after: i64) -> Arc<dyn ObjectStore> {
    Arc::new(Dying {
        store,
        left: AtomicI64::new(after),
    })
}

#[tokio::test]
async fn a_crash_while_a_release_is_put_leaves_none_and_the_next_try_finishes() {
    for place in places() {
        let mut after = 0;
        loop {
            let text = format!("1.0.{after}");
            let mortal = place.depot.clone().wrapped(|store| dying(store, after));
            let died = put(&mortal, &text).await.is_err();
            let survey = place.depot.survey().await.unwrap();
            let files = survey
                .types
                .get(&esp32s3())
                .and_then(|found| found.releases.get(&version(&text)));
            let is_whole = files.is_some_and(updraft_store::depot::Files::are_complete);
            assert_eq!(is_whole, !died, "{}, after {after} accesses", place.name);
            // What is whole is right, and what is half is finished by doing it again.
            let again = put(&place.depot, &text).await.unwrap();
            assert_eq!(again, if died { Put::New } else { Put::Same });
            let expected = digest(&firmware(&text));
            let fetched = place
                .depot
                .fetch(&esp32s3(), &version(&text), expected)
                .await;
            fetched.unwrap();
            if !died {
                break;
            }
            after += 1;
        }
        assert_eq!(after, 3, "{}: one access for each file", place.name);
    }
}

#[tokio::test]
async fn a_crash_while_a_release_is_promoted_never_mixes_two() {
    for place in places() {
        promote(&place.depot, "1.0.0").await.unwrap();
        for after in 0..=3 {
            let mortal = place.depot.clone().wrapped(|store| dying(store, after));
            let died = promote(&mortal, "1.1.0").await.is_err();
            assert_eq!(died, after < 3, "{}", place.name);
            let production = place.depot.production(&esp32s3()).await.unwrap();
            let version = production.as_ref().map(|found| found.version.as_str());
            let wanted = match after {
                0 => Some("1.0.0"),
                3 => Some("1.1.0"),
                // Begun and not finished: nothing that a reader would take.
                _ => None,
            };
            assert_eq!(version, wanted, "{}, after {after} accesses", place.name);
            promote(&place.depot, "1.0.0").await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_crash_while_a_version_is_blocked_leaves_the_file_as_it_was_or_as_it_will_be() {
    for place in places() {
        let block = async |depot: &updraft_store::depot::Depot, text: &str| {
            let device_type = esp32s3();
            let change = depot.change_blocked(&device_type, |blocked| blocked.block(text, "bad"));
            change.await.map(drop)
        };
        block(&place.depot, "1.0.0").await.unwrap();
        for after in 0..6 {
            let mortal = place.depot.clone().wrapped(|store| dying(store, after));
            let text = format!("2.0.{after}");
            let died = block(&mortal, &text).await.is_err();
            let now = place.depot.blocked(&esp32s3()).await.unwrap().unwrap();
            let versions = now.versions();
            assert!(versions.contains_key("1.0.0"), "{}", place.name);
            assert_eq!(versions.contains_key(&text), !died, "{}", place.name);
        }
    }
}
