//! A release that works, with both kinds of bootloader.

use updraft_protocol::api::AttemptState;
use updraft_virtual_chip::ResetCause;
use updraft_virtual_device::bootloader::BootConfig;

use crate::stage::{NO_ROLLBACK, ROLLS_BACK, Stage};

async fn is_installed_and_confirmed(bootloader: BootConfig) {
    let Some(stage) = Stage::set(Some("1.1.0"), bootloader).await else {
        return;
    };
    stage.attempt("1.1.0", AttemptState::Confirmed).await;
    assert_eq!(
        stage.diary.resets(),
        [ResetCause::Power, ResetCause::Software],
        "one restart, into the new app"
    );
    stage.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn is_confirmed_where_the_bootloader_rolls_back() {
    is_installed_and_confirmed(ROLLS_BACK).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn is_confirmed_where_the_bootloader_does_not_roll_back() {
    is_installed_and_confirmed(NO_ROLLBACK).await;
}
