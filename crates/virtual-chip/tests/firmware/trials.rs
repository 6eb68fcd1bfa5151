//! Releases that do not work are undone and reported.

use updraft_protocol::api::AttemptState;
use updraft_virtual_chip::ResetCause;

use crate::stage::{ROLLS_BACK, Stage};

/// Offers a release that fails; gives what made the chip reset until that was reported.
async fn is_rolled_back(version: &str) -> Option<Vec<ResetCause>> {
    let stage = Stage::set(Some(version), ROLLS_BACK).await?;
    stage.attempt(version, AttemptState::RolledBack).await;
    let resets = stage.diary.resets();
    stage.strike().await;
    Some(resets)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_is_rolled_back_by_the_bootloader() {
    let _ = is_rolled_back("1.2.0").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_hangs_is_bitten_by_its_watchdog_and_rolled_back() {
    if let Some(resets) = is_rolled_back("1.4.0").await {
        let bites = resets
            .iter()
            .filter(|cause| matches!(cause, ResetCause::Watchdog { .. }))
            .count();
        assert_eq!(bites, 1, "{resets:?}");
    }
}
