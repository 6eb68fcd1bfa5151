//! A board that loses its power.

use updraft_protocol::api::DeploymentState;
use updraft_virtual_chip::ResetCause;

use crate::stage::{NO_ROLLBACK, Scene, Stage};

/// A flash operation in the middle of the image: each 4 KiB of it take at least two.
const MID_DOWNLOAD: u64 = 150;

#[tokio::test(flavor = "multi_thread")]
async fn a_download_goes_on_after_a_power_cut() {
    let scene = Scene {
        power_cut_at: Some(MID_DOWNLOAD),
        ..Scene::offering("1.1.0", NO_ROLLBACK)
    };
    let Some(stage) = Stage::set(scene).await else {
        return;
    };
    stage.deployment("1.1.0", DeploymentState::Confirmed).await;
    assert_eq!(
        stage.diary.resets(),
        [ResetCause::Power, ResetCause::Power, ResetCause::Software]
    );
    let begun = "0 %: ";
    let beginnings = stage.diary.lines();
    let beginnings = beginnings
        .iter()
        .filter(|line| line.contains(&format!("] {begun}")));
    assert_eq!(
        beginnings.count(),
        1,
        "what is in flash is not fetched again"
    );
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trial_that_a_power_cut_ended_is_begun_anew() {
    let scene = Scene::offering("1.1.0", NO_ROLLBACK);
    let Some(stage) = Stage::set(scene).await else {
        return;
    };
    stage.diary.says("guard: on trial").await;
    stage.cut_power();
    stage.diary.says("trial_interrupted").await;
    stage.deployment("1.1.0", DeploymentState::Confirmed).await;
    let status = stage.status().await;
    assert_eq!(status.running.version, "1.1.0", "{status:?}");
    stage.strike().await;
}
