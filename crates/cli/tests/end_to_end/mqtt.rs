//! Devices that are told over MQTT.

use std::path::PathBuf;
use std::sync::Arc;

use updraft_protocol::api::DeploymentState;
use updraft_virtual_device::device::VirtualDevice;
use updraft_virtual_device::host::MqttBroker;

use crate::mosquitto::Mosquitto;
use crate::scene::{Diary, Scene, living};

/// A device at the broker that asks its server once a day: whatever it does sooner, it was told to.
fn device(scene: &Scene, broker: &Mosquitto, id: &str) -> (VirtualDevice, Arc<Diary>) {
    let (mut device, diary) = scene.new_device(id);
    listens(broker, &mut device);
    (device, diary)
}

fn listens(broker: &Mosquitto, device: &mut VirtualDevice) {
    device.mqtt = Some(MqttBroker::new(&broker.url(), None).expect("its URL"));
    device.settings.poll_seconds = 24 * 3600;
}

/// Waits until the device is connected and has nothing to do.
async fn settled(diary: &Diary) {
    diary.said("checked in: up to date", 1).await;
}

#[tokio::test]
async fn seed_003_a_device_that_is_told_updates_and_proves_it() {
    let Some(broker) = Mosquitto::start() else {
        return;
    };
    let scene = Scene::with_broker(&broker.url()).await;
    scene.publish("1.0.0").await;
    let (mut device, diary) = device(&scene, &broker, "told");
    living(&mut device, async {
        settled(&diary).await;
        scene.publish("1.1.0").await;
        scene
            .deployment("told", "1.1.0", DeploymentState::Confirmed)
            .await
    })
    .await;
    assert!(diary.says("told over MQTT to install 1.1.0"));
    assert_eq!(diary.count("rebooting"), 1, "told once");
}

#[tokio::test]
async fn seed_003_device_offline_is_triggered_when_it_returns() {
    let Some(broker) = Mosquitto::start() else {
        return;
    };
    let scene = Scene::with_broker(&broker.url()).await;
    scene.publish("1.0.0").await;
    let (mut device, diary) = device(&scene, &broker, "away");
    let link = Arc::clone(&device.link);
    living(&mut device, async {
        settled(&diary).await;
        link.set_up(false);
        diary.said("the MQTT broker is away", 1).await;
        scene.publish("1.1.0").await;
        assert!(!diary.says("told over MQTT"));
        link.set_up(true);
        scene
            .deployment("away", "1.1.0", DeploymentState::Confirmed)
            .await
    })
    .await;
    assert!(diary.says("told over MQTT to install 1.1.0"));
}

#[tokio::test]
async fn seed_003_network_loss_the_old_firmware_stays_until_it_is_back() {
    let Some(broker) = Mosquitto::start() else {
        return;
    };
    let scene = Scene::with_broker(&broker.url()).await;
    scene.publish("1.0.0").await;
    let (mut device, diary) = device(&scene, &broker, "torn");
    let link = Arc::clone(&device.link);
    living(&mut device, async {
        settled(&diary).await;
        scene.publish("1.1.0").await;
        diary.received(64 * 1024).await;
        link.set_up(false);
        diary.said("update failed", 1).await;
        assert!(!diary.says("rebooting"), "the old firmware runs on");
        link.set_up(true);
        scene
            .deployment("torn", "1.1.0", DeploymentState::Confirmed)
            .await
    })
    .await;
}

#[tokio::test]
async fn seed_003_power_failure_automatic_rollback() {
    let Some(broker) = Mosquitto::start() else {
        return;
    };
    let scene = Scene::with_broker(&broker.url()).await;
    scene.publish("1.0.0").await;
    let (mut first, diary) = device(&scene, &broker, "cut");
    living(&mut first, async {
        settled(&diary).await;
        scene.publish("1.1.0").await;
        diary.received(128 * 1024).await;
    })
    .await;
    // The power is gone in the middle of the download; what is in flash is all there is.
    let (mut second, diary) = scene.device_with("cut", first.flash.clone());
    listens(&broker, &mut second);
    living(
        &mut second,
        scene.deployment("cut", "1.1.0", DeploymentState::Confirmed),
    )
    .await;
    assert!(
        diary.says("running 1.0.0"),
        "the previous firmware was started"
    );
}

#[tokio::test]
async fn seed_003_firmware_crash_after_reboot_automatic_rollback_and_bad_firmware_is_blocked() {
    let Some(broker) = Mosquitto::start() else {
        return;
    };
    let scene = Scene::with_broker(&broker.url()).await;
    scene.publish("1.0.0").await;
    let (mut device, diary) = device(&scene, &broker, "crash");
    living(&mut device, async {
        settled(&diary).await;
        scene.publish("1.2.0").await;
        scene
            .deployment("crash", "1.2.0", DeploymentState::RolledBack)
            .await;
        // Told again it would refuse; blocked, nobody is told.
        let releases = scene.get("/api/releases").await;
        let bad = releases["releases"].as_array().expect("releases");
        let bad = bad
            .iter()
            .find(|release| release["version"] == "1.2.0")
            .expect("the bad one");
        let id = bad["id"].as_str().expect("an id");
        let reason = serde_json::json!({ "reason": "Boot loop after OTA" });
        scene
            .post(&format!("/api/releases/{id}/block"), reason)
            .await;
        let why = scene.get("/api/devices/crash/why").await.to_string();
        assert!(why.contains("Boot loop after OTA"), "{why}");
    })
    .await;
    assert_eq!(diary.count("told over MQTT to install"), 1);
}

#[tokio::test]
async fn seed_003_a_device_is_told_by_the_broker_inside_the_server_with_its_own_token() {
    let (scene, url) = Scene::with_embedded_broker().await;
    scene.publish("1.0.0").await;
    let (mut device, diary) = scene.new_device("inside");
    device.mqtt = Some(MqttBroker::new(&url, None).expect("its URL"));
    device.settings.poll_seconds = 24 * 3600;
    living(&mut device, async {
        settled(&diary).await;
        scene.publish("1.1.0").await;
        scene
            .deployment("inside", "1.1.0", DeploymentState::Confirmed)
            .await
    })
    .await;
    assert!(diary.says("told over MQTT to install 1.1.0"));
    assert_eq!(diary.count("rebooting"), 1, "told once");
}

#[tokio::test]
async fn without_the_broker_devices_poll_on() {
    let scene = Scene::new().await;
    scene.publish("1.1.0").await;
    let (mut device, diary) = scene.new_device("alone");
    // Nobody listens there.
    device.mqtt = Some(MqttBroker::new("mqtt://127.0.0.1:9", None).expect("its URL"));
    living(
        &mut device,
        scene.deployment("alone", "1.1.0", DeploymentState::Confirmed),
    )
    .await;
    assert!(diary.says("the MQTT broker is away"));
}

#[test]
fn a_broker_s_url_is_read_or_refused() {
    for good in [
        "mqtt://localhost",
        "mqtt://10.0.0.5:1883/",
        "mqtt://[::1]:1883",
        "mqtt://[::1]",
    ] {
        MqttBroker::new(good, None).expect(good);
    }
    let nowhere = PathBuf::from("/nowhere/ca.pem");
    for bad in [
        "",
        "localhost",
        "mqtt://",
        "mqtt://h:x",
        "http://h",
        "mqtt://u:p@h",
        "mqtts://h",
    ] {
        MqttBroker::new(bad, None).expect_err(bad);
    }
    MqttBroker::new("mqtts://h", Some(&nowhere)).expect_err("no such file");
}
