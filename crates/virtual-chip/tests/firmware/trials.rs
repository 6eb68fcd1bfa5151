//! Releases that do not work are undone, reported, and not tried again.

use updraft_protocol::ReasonCode::{self, RolledBack, Unhealthy};
use updraft_protocol::api::DeploymentState;
use updraft_protocol::check_in::Bootloader;
use updraft_virtual_chip::ResetCause;
use updraft_virtual_chip::ResetCause::{Power, Software};

use crate::stage::{NO_ROLLBACK, ROLLS_BACK, Scene, Stage};

/// What the watchdog that the firmware uses does.
const BITE: ResetCause = ResetCause::Watchdog { group: 1 };

/// Offers a release that fails, is reported with this reason and `words`, and takes these `resets` until the old app runs
/// again; then one that works.
async fn is_undone_and_left_alone(
    scene: Scene,
    reason: ReasonCode,
    words: &str,
    resets: &[ResetCause],
) {
    let bad = scene.offered.expect("there is a release");
    let expected = if scene.bootloader.rollback {
        Bootloader::Rollback
    } else {
        Bootloader::NoRollback
    };
    let Some(stage) = Stage::set(scene).await else {
        return;
    };
    let deployment = stage.deployment(bad, DeploymentState::RolledBack).await;
    assert_eq!(deployment.reason, Some(reason), "{deployment:?}");
    let detail = deployment.detail.clone().unwrap_or_default();
    assert!(detail.contains(words), "{deployment:?}");
    assert_eq!(stage.diary.resets(), resets, "until the old app ran again");
    let status = stage.status().await;
    assert_eq!(status.running.version, "1.0.0", "{status:?}");
    assert_eq!(status.bootloader, expected, "{status:?}");

    stage.publish("1.1.0").await;
    stage.deployment("1.1.0", DeploymentState::Confirmed).await;
    let deployment = stage.deployment(bad, DeploymentState::RolledBack).await;
    assert_eq!(deployment.failures, 1, "{deployment:?}");
    let mut resets = resets.to_vec();
    resets.push(Software);
    assert_eq!(
        stage.diary.resets(),
        resets,
        "the bad release is not tried again"
    );
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_is_undone_by_the_bootloader() {
    let scene = Scene::offering("1.2.0", ROLLS_BACK);
    is_undone_and_left_alone(
        scene,
        RolledBack,
        "the new app panicked",
        &[Power, Software, Software],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_at_boot_is_undone_by_the_app_itself() {
    let scene = Scene::offering("1.2.0", NO_ROLLBACK);
    is_undone_and_left_alone(
        scene,
        RolledBack,
        "the new app panicked",
        &[Power, Software, Software, Software],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_within_the_stability_window_is_undone_by_the_app_itself() {
    let scene = Scene {
        stability: "15",
        ..Scene::offering("1.3.0", NO_ROLLBACK)
    };
    is_undone_and_left_alone(
        scene,
        RolledBack,
        "the new app panicked",
        &[Power, Software, Software, Software],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_hangs_is_bitten_once_and_undone() {
    let scene = Scene {
        mips: 4,
        ..Scene::offering("1.4.0", NO_ROLLBACK)
    };
    is_undone_and_left_alone(
        scene,
        RolledBack,
        "the watchdog bit",
        &[Power, Software, BITE, Software],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_without_network_is_undone_at_the_limit_of_its_trial() {
    let scene = Scene {
        speed: 60.0,
        ..Scene::offering("1.5.0", NO_ROLLBACK)
    };
    is_undone_and_left_alone(
        scene,
        Unhealthy,
        "ethernet: not connected",
        &[Power, Software, Software, Software],
    )
    .await;
}
