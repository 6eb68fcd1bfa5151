//! A release that works, with both kinds of bootloader, and on the slowest of cores.

use updraft_protocol::api::DeploymentState;
use updraft_protocol::check_in::Bootloader;
use updraft_virtual_chip::ResetCause;

use crate::peaks;
use crate::stage::{NO_ROLLBACK, ROLLS_BACK, Scene, Stage};

/// What Espressif's QEMU runs on a busy machine, in million instructions a second.
const SLOWEST: u32 = 3;

async fn is_installed_and_confirmed(scene: Scene, found: Bootloader) {
    let Some(stage) = Stage::set(scene).await else {
        return;
    };
    stage.deployment("1.1.0", DeploymentState::Confirmed).await;
    assert_eq!(
        stage.diary.resets(),
        [ResetCause::Power, ResetCause::Software],
        "one restart, into the new app"
    );
    let status = stage.status().await;
    assert_eq!(status.running.version, "1.1.0", "{status:?}");
    assert_eq!(status.bootloader, found, "{status:?}");
    peaks::check(&stage.diary);
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn is_confirmed_where_the_bootloader_rolls_back() {
    let scene = Scene::offering("1.1.0", ROLLS_BACK);
    is_installed_and_confirmed(scene, Bootloader::Rollback).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn is_confirmed_on_a_core_of_3_mips() {
    let scene = Scene {
        mips: SLOWEST,
        ..Scene::offering("1.1.0", NO_ROLLBACK)
    };
    is_installed_and_confirmed(scene, Bootloader::NoRollback).await;
}
