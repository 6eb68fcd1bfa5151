//! Updates that are interrupted, and go on where they were.

use std::sync::Arc;

use updraft_protocol::api::DeploymentState;

use crate::scene::{Scene, image, living};

/// Bytes the server has sent in all, by its own count.
async fn bytes_sent(scene: &Scene) -> u64 {
    let metrics = scene.text("/metrics").await;
    metrics
        .lines()
        .find_map(|line| line.strip_prefix("updraft_sent_bytes_total "))
        .unwrap_or_else(|| panic!("no count of bytes in: {metrics}"))
        .parse()
        .expect("a number")
}

#[tokio::test]
async fn a_connection_that_breaks_is_gone_on_with_by_range() {
    let scene = Scene::new().await;
    scene.publish("1.1.0").await;
    let (mut device, diary) = scene.new_device("torn");
    device.link.break_after(150_000);
    living(
        &mut device,
        scene.deployment("torn", "1.1.0", DeploymentState::Confirmed),
    )
    .await;
    assert_eq!(diary.count("trying again in"), 1, "one retry");
}

#[tokio::test]
async fn a_link_that_stays_down_for_a_while() {
    let scene = Scene::new().await;
    scene.publish("1.1.0").await;
    let (mut device, diary) = scene.new_device("patient");
    let link = Arc::clone(&device.link);
    living(&mut device, async {
        diary.received(64 * 1024).await;
        link.set_up(false);
        diary.said("trying again in", 3).await;
        link.set_up(true);
        scene
            .deployment("patient", "1.1.0", DeploymentState::Confirmed)
            .await
    })
    .await;
}

#[tokio::test]
async fn a_power_cut_costs_no_more_than_the_last_block() {
    let scene = Scene::new().await;
    scene.publish("1.1.0").await;
    let (mut device, diary) = scene.new_device("cut");
    living(&mut device, diary.received(192 * 1024)).await;
    // The power is gone; what is in flash is all there is.
    let (mut device, diary) = scene.device_with("cut", device.flash.clone());
    let before = bytes_sent(&scene).await;
    living(
        &mut device,
        scene.deployment("cut", "1.1.0", DeploymentState::Confirmed),
    )
    .await;
    assert!(
        !diary.says("65536 of"),
        "the first block was not fetched again"
    );
    let again = bytes_sent(&scene).await - before;
    let missing = image("1.1.0").len() as u64 - 192 * 1024;
    // Heads and check-ins count too; they are far less than the block that may be fetched twice.
    let limit = missing + 64 * 1024;
    assert!(
        again <= limit,
        "{again} bytes were sent, {missing} were missing"
    );
}

#[tokio::test]
async fn a_server_that_is_restarted_in_the_middle() {
    let scene = Scene::new().await;
    scene.publish("1.1.0").await;
    let (mut device, diary) = scene.new_device("loyal");
    living(&mut device, async {
        diary.received(64 * 1024).await;
        let scene = scene.restart(async {}).await;
        scene
            .deployment("loyal", "1.1.0", DeploymentState::Confirmed)
            .await;
    })
    .await;
}
