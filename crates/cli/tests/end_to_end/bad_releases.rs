//! Releases that do not work. Each image is a real one that behaves badly; each time the device ends up on
//! the old app and the server knows why.

use updraft_protocol::ReasonCode;
use updraft_protocol::api::DeploymentState;

use crate::scene::{Scene, living};

/// Publishes a bad release, and waits until the device has come back from it and has nothing more to do.
async fn rolled_back(version: &str) -> (ReasonCode, String, usize) {
    let scene = Scene::new().await;
    scene.publish(version).await;
    let (mut device, diary) = scene.new_device("victim");
    let deployment = living(&mut device, async {
        let deployment = scene
            .deployment("victim", version, DeploymentState::RolledBack)
            .await;
        let before = diary.count("checked in: up to date");
        diary.said("checked in: up to date", before + 3).await;
        deployment
    })
    .await;
    let known = scene.device("victim").await;
    assert_eq!(known.version.as_deref(), Some("1.0.0"), "the old app runs");
    assert_eq!(known.slot.as_deref(), Some("factory"));
    let offers = diary.count(&format!("{version} is offered"));
    (
        deployment.reason.expect("a reason"),
        deployment.detail.expect("words"),
        offers,
    )
}

#[tokio::test]
async fn one_that_panics_at_boot() {
    let (reason, detail, offers) = rolled_back("1.2.0").await;
    assert_eq!(
        (reason, detail.as_str()),
        (ReasonCode::RolledBack, "the new app panicked")
    );
    assert_eq!(offers, 1, "nobody tries it twice");
}

#[tokio::test]
async fn one_that_panics_within_its_trial() {
    let (reason, detail, offers) = rolled_back("1.3.0").await;
    assert_eq!(
        (reason, detail.as_str()),
        (ReasonCode::RolledBack, "the new app panicked")
    );
    assert_eq!(offers, 1);
}

#[tokio::test]
async fn one_that_hangs() {
    let (reason, detail, offers) = rolled_back("1.4.0").await;
    assert_eq!(reason, ReasonCode::RolledBack);
    assert!(detail.contains("watchdog"), "{detail}");
    assert_eq!(offers, 1);
}

#[tokio::test]
async fn one_that_never_gets_its_network_up() {
    let (reason, detail, offers) = rolled_back("1.5.0").await;
    assert_eq!(reason, ReasonCode::Unhealthy);
    assert!(detail.contains("wifi: not connected"), "{detail}");
    assert_eq!(offers, 1);
}
