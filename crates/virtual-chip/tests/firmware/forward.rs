//! The device's own pages, reached from the host.

use crate::stage::{ROLLS_BACK, Stage};

#[tokio::test(flavor = "multi_thread")]
async fn the_device_tells_its_status_over_http() {
    let Some(stage) = Stage::set(None, ROLLS_BACK).await else {
        return;
    };
    stage.diary.says("10.0.2.15").await;
    let status = stage
        .ask_device("/api/ota/status")
        .await
        .expect("an answer");
    assert_eq!(status["running"]["version"], "1.0.0", "{status:#}");
    stage.strike().await;
}
