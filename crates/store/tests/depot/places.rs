//! What names a depot, and what does not.

use updraft_store::depot::{Depot, DepotAt, S3Options};

fn read(given: &str) -> Result<String, String> {
    match DepotAt::read(given, S3Options::default()) {
        Ok(at) => Ok(at.to_string()),
        Err(error) => Err(error.code().to_owned()),
    }
}

#[test]
fn buckets_and_folders_are_told_apart() {
    for (given, shown) in [
        ("s3://bucket", "s3://bucket"),
        ("s3://bucket/", "s3://bucket"),
        ("s3://bucket/a/b/", "s3://bucket/a/b"),
        ("artifacts", "artifacts"),
        ("/srv/artifacts", "/srv/artifacts"),
    ] {
        assert_eq!(read(given).as_deref(), Ok(shown), "{given}");
    }
    for given in [
        "",
        "s3://",
        "s3:///x",
        "s3://bu cket/x",
        "gs://bucket",
        "https://host/x",
    ] {
        assert_eq!(read(given), Err("bad_artifact_store".to_owned()), "{given}");
    }
}

#[test]
fn a_credentials_file_that_says_too_little_is_refused_without_its_content() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("credentials");
    for text in [
        "",
        "[other]\naws_access_key_id=a\naws_secret_access_key=bbb-secret\n",
    ] {
        std::fs::write(&file, text).unwrap();
        let options = S3Options {
            credentials_file: Some(file.clone()),
            ..S3Options::default()
        };
        let at = DepotAt::read("s3://bucket", options).unwrap();
        let refused = Depot::open(&at).unwrap_err();
        assert_eq!(refused.code(), "bad_s3_credentials");
        assert!(!refused.to_string().contains("bbb-secret"), "{refused}");
    }
}

#[test]
fn a_folder_that_cannot_be_made_is_said_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "x").unwrap();
    let at = DepotAt::Folder(file.join("below"));
    let refused = Depot::open(&at).unwrap_err();
    assert_eq!(refused.code(), "artifact_folder_failed");
    assert!(refused.to_string().contains("file/below"), "{refused}");
}
