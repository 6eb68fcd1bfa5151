//! A frontend, sent to a board that has room for two.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};
use updraft_www::littlefs::Builder;
use updraft_www::manifest::{ContentType, Encoding, FORMAT, Line, PATH};
use updraft_www::serve::{cache, content_type};

use crate::stage::{NO_ROLLBACK, Scene, Stage};

/// Size of the board's partitions for frontends, in bytes.
const SIZE: u32 = 1 << 20;

const PAGE: &str = "<!doctype html><title>of the frontend</title>";

/// A frontend with a page, and a script too large for one frame or one buffer.
fn frontend(script: &str) -> Vec<u8> {
    let mut builder = Builder::new();
    let mut manifest = format!("{FORMAT} 2.0.0\n");
    for (path, contents) in [("app.js", script), ("index.html", PAGE)] {
        let line = Line {
            sha256: updraft_www::Sha256(Sha256::digest(contents).into()),
            size: contents.len() as u32,
            encoding: Encoding::Identity,
            content_type: ContentType::new(content_type(path)).expect("it fits"),
            cache: cache(path),
            path,
        };
        writeln!(manifest, "{line}").expect("a string takes it");
        builder.add(path, contents.into()).expect("a path");
    }
    builder.add(PATH, manifest.into_bytes()).expect("a path");
    builder.image(SIZE).expect("it fits")
}

#[tokio::test(flavor = "multi_thread")]
async fn is_served_after_the_restart() {
    let scene = Scene {
        has_www: true,
        ..Scene::without_release(NO_ROLLBACK)
    };
    let Some(stage) = Stage::set(scene).await else {
        return;
    };
    stage.diary.says("10.0.2.15").await;
    let get = async |path: &str| {
        let answer = stage.http().get(stage.page(path)).send().await;
        answer.expect("an answer").text().await.expect("it is text")
    };
    let built_in = get("/").await;
    assert!(built_in.contains("<html"), "{built_in}");
    assert_ne!(built_in, PAGE);

    let script = "console.log('of the frontend');\n".repeat(1500);
    let sent = stage
        .http()
        .post(stage.page("/api/ota/frontend"))
        .body(frontend(&script))
        .send()
        .await
        .expect("an answer");
    assert!(
        sent.status().is_success(),
        "{}",
        sent.text().await.unwrap_or_default()
    );
    stage.diary.says_again("10.0.2.15", 2).await;
    assert_eq!(get("/").await, PAGE);
    assert_eq!(get("/app.js").await, script);
    let www = stage.status().await.www.expect("the board has two slots");
    assert_eq!(www.version.as_deref(), Some("2.0.0"), "{www:?}");
    let events = stage.log().await.events;
    assert!(
        events.iter().any(|event| event.subject.contains("www_")),
        "{events:?}"
    );
    stage.strike().await;
}
