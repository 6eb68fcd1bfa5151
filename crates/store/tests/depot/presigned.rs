//! Addresses that need no credentials, and credentials that are nowhere shown.

use std::time::Duration;

use updraft_store::depot::{Depot, DepotAt, S3Options};

use crate::s3::{BUCKET, S3Server};
use crate::scene::{bucket, esp32s3, firmware, folder, options, put, version};

fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().unwrap()
}

#[tokio::test]
async fn seed_003_section_4_a_signed_address_needs_no_credentials_on_the_device() {
    let place = bucket();
    put(&place.depot, "1.0.0").await.unwrap();
    let url = place
        .depot
        .sign(&esp32s3(), &version("1.0.0"), Duration::from_mins(5))
        .await
        .unwrap()
        .unwrap();
    assert!(
        url.contains("esp32s3/releases/v1.0.0/firmware.bin?"),
        "{url}"
    );
    assert!(url.contains("X-Amz-Expires=300"), "{url}");
    let got = client().get(&url).send().await.unwrap();
    assert_eq!(got.status(), 200);
    assert_eq!(got.bytes().await.unwrap(), firmware("1.0.0"));

    // It opens this file, and nothing without its signature.
    let (bare, _) = url.split_once('?').unwrap();
    assert_eq!(client().get(bare).send().await.unwrap().status(), 403);
    let other = url.replace("v1.0.0", "v1.1.0");
    put(&place.depot, "1.1.0").await.unwrap();
    assert_eq!(client().get(&other).send().await.unwrap().status(), 403);
}

#[tokio::test]
async fn seed_003_section_4_signed_addresses_expire_automatically() {
    let place = bucket();
    put(&place.depot, "1.0.0").await.unwrap();
    let url = place
        .depot
        .sign(&esp32s3(), &version("1.0.0"), Duration::from_secs(1))
        .await
        .unwrap()
        .unwrap();
    let client = client();
    let expired = async {
        while client.get(&url).send().await.unwrap().status() != 403 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let limit = Duration::from_mins(1);
    assert!(tokio::time::timeout(limit, expired).await.is_ok());
}

#[tokio::test]
async fn a_folder_has_no_signed_addresses() {
    let place = folder();
    put(&place.depot, "1.0.0").await.unwrap();
    let signed = place
        .depot
        .sign(&esp32s3(), &version("1.0.0"), Duration::from_mins(5))
        .await;
    assert_eq!(signed.unwrap(), None);
}

#[tokio::test]
async fn credentials_are_nowhere_shown() {
    let place = bucket();
    let s3 = place.s3.as_ref().unwrap();
    let at = DepotAt::read(&format!("s3://{BUCKET}/sds"), options(s3)).unwrap();
    let wrong = s3.credentials_file().with_file_name("wrong");
    let text = format!(
        "[default]\naws_access_key_id = {}\naws_secret_access_key = not-the-secret-at-all\n",
        s3.key_id
    );
    std::fs::write(&wrong, text).unwrap();
    let refused = Depot::open(&DepotAt::S3 {
        bucket: BUCKET.to_owned(),
        prefix: object_store::path::Path::default(),
        options: S3Options {
            credentials_file: Some(wrong),
            ..options(s3)
        },
    });
    let refused = refused.unwrap().survey().await.unwrap_err();
    assert_eq!(refused.code(), "artifact_store_failed");
    let depot = &place.depot;
    for said in [
        format!("{at:?} {at}"),
        format!("{depot:?}"),
        format!("{refused} {refused:?}"),
    ] {
        assert!(!said.contains(&s3.secret), "{said}");
        assert!(!said.contains("not-the-secret-at-all"), "{said}");
    }
}

#[tokio::test]
async fn a_store_that_is_away_is_said_by_name() {
    let s3 = S3Server::start();
    let at = DepotAt::read(&format!("s3://{BUCKET}"), options(&s3)).unwrap();
    let depot = Depot::open(&at).unwrap();
    drop(s3);
    let refused = put(&depot, "1.0.0").await.unwrap_err();
    assert_eq!(refused.code(), "artifact_store_failed");
    let said = refused.to_string();
    assert!(
        said.contains("esp32s3/releases/v1.0.0/firmware.bin"),
        "{said}"
    );
}
