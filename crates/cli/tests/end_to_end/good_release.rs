//! A release that works.

use serde_json::json;
use updraft_protocol::api::DeploymentState;
use updraft_protocol::{Digest, SlotState};

use crate::scene::{Scene, image, living};

#[tokio::test]
async fn seed_004_stage_10_a_device_takes_it_and_reports_completion_after_activation() {
    let scene = Scene::new().await;
    scene.publish("1.0.0").await;
    scene.publish("1.1.0").await;
    let (mut device, diary) = scene.new_device("good");
    let deployment = living(
        &mut device,
        scene.deployment("good", "1.1.0", DeploymentState::Confirmed),
    )
    .await;
    assert_eq!(deployment.reason, None);
    assert_eq!(deployment.failures, 0);
    assert!(diary.says("1.1.0 is offered"));
    assert!(diary.says("1.1.0 is whole and verified"));
    assert!(diary.says("running 1.1.0 from ota_0, on trial"));
    assert!(diary.says("1.1.0 is confirmed"));

    let known = scene.device("good").await;
    let bytes = image("1.1.0");
    let facts = updraft_image::verify(&bytes, updraft_image::Expect::new()).expect("sound");
    assert_eq!(known.version.as_deref(), Some("1.1.0"));
    assert_eq!(known.slot.as_deref(), Some("ota_0"));
    assert_eq!(
        known.elf_sha256,
        Some(Digest(facts.head.app.app_elf_sha256))
    );
    assert!(known.enrolled, "it got a token of its own");
    assert_eq!(device.flash.stats().misprogrammed, 0);
}

#[tokio::test]
async fn the_next_release_goes_to_the_other_slot_and_nothing_older_is_offered() {
    let scene = Scene::new().await;
    scene.publish("1.1.0").await;
    let (mut device, diary) = scene.new_device("twice");
    living(
        &mut device,
        scene.deployment("twice", "1.1.0", DeploymentState::Confirmed),
    )
    .await;
    // 1.3.0 works for ten seconds, which is not long enough; 1.0.0 is older and never offered.
    scene.publish("1.0.0").await;
    scene.publish("1.3.0").await;
    living(
        &mut device,
        scene.deployment("twice", "1.3.0", DeploymentState::RolledBack),
    )
    .await;
    assert!(diary.says("running 1.3.0 from ota_1, on trial"));
    assert!(!diary.says("1.0.0 is offered"));
    let known = scene.device("twice").await;
    assert_eq!(known.version.as_deref(), Some("1.1.0"));
}

#[tokio::test]
async fn a_blocked_release_is_offered_to_nobody_and_why_says_so() {
    let scene = Scene::new().await;
    scene.publish("1.1.0").await;
    let releases = scene.get("/api/releases").await;
    let id = releases["releases"][0]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    scene
        .post(
            &format!("/api/releases/{id}/block"),
            json!({"reason": "boot loop after OTA"}),
        )
        .await;
    let (mut device, diary) = scene.new_device("kept");
    let quiet = diary.said("checked in: up to date", 3);
    living(&mut device, quiet).await;
    assert!(!diary.says("is offered"));
    let why = scene.get("/api/devices/kept/why").await;
    assert!(why.to_string().contains("boot loop after OTA"), "{why}");
    assert_eq!(scene.device("kept").await.state, Some(SlotState::Factory));
}
