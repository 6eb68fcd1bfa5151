//! What passes by somebody's own broker.

use std::path::PathBuf;
use std::time::Duration;

use rumqttc_v4::MqttOptions;
use serde_json::json;
use updraft_server::{Broker, Config, Mqtt, MqttError, Server, StartError};

use super::mosquitto::{Mosquitto, certificates};
use super::scene::{Client, PATIENCE, python, state};
use super::seed_003::{Device, event};
use crate::support::images::{c3, sha256};
use crate::support::{TestServer, random_token, start_with};

#[tokio::test]
async fn seed_003_s_own_device_updates_through_mosquitto_with_tls_and_password() {
    let Some(python) = python() else { return };
    let token = random_token();
    let Some(broker) = Mosquitto::start(&[("beacon-17", &token)]) else {
        return;
    };
    let server = broker.server().await;
    server.publish("esp32c3", &c3("1.1.0")).await;
    server.enrol("beacon-17", "esp32c3").await;
    let ca = broker.ca();
    let device = Device::new(&python, broker.tls, "beacon-17", &token, "1.0.0");
    let arguments = ["--new-version", "1.1.0", "--ca", ca.to_str().unwrap()];
    let events = device.with(&arguments).live().await;
    assert_eq!(event(&events, "fetched")["sha256"], sha256(&c3("1.1.0")));
    server
        .device_until("beacon-17", |device| device["version"] == "1.1.0")
        .await;
}

#[tokio::test]
async fn seed_003_device_offline_nothing_is_published_at_mosquitto() {
    let token = random_token();
    let Some(broker) = Mosquitto::start(&[("d", &token)]) else {
        return;
    };
    let server = broker.server().await;
    server.enrol("d", "esp32c3").await;
    let mut spy = broker.spy().await;
    let options = || {
        let mut options = Client::options(broker.plain, "d", "d", &token);
        let will = rumqttc_v4::LastWill::new(
            "devices/d/presence",
            "offline",
            rumqttc_v4::QoS::AtLeastOnce,
            false,
        );
        options.set_last_will(will);
        options
    };
    let device = Client::connect(options()).await.unwrap();
    device.say("devices/d/presence", "online").await;
    device.say("devices/d/version", "1.0.0").await;
    server
        .device_until("d", |device| device["version"] == "1.0.0")
        .await;
    // Its last will says that it is gone.
    device.cut();
    let away = async {
        while server.check_update("d").await["connected"] == true {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, away)
        .await
        .expect("its will is heard");
    server.publish("esp32c3", &c3("1.1.0")).await;
    assert_eq!(server.check_update("d").await["sent"], "waits");
    assert_eq!(spy.heard(), None, "not triggered");
    let mut device = Client::connect(options()).await.unwrap();
    assert!(device.subscribe("devices/d/ota").await);
    device.say("devices/d/version", "1.0.0").await;
    let (_, url) = device.hear().await;
    assert_eq!(server.http.get(&url).send().await.unwrap().status(), 200);
    assert_eq!(spy.hear().await.1, url);
    // Never retained: who comes later finds no URL that has expired.
    let mut late = broker.spy().await;
    device.say("devices/d/ota/status", "SUCCESS").await;
    server
        .device_until("d", |device| state(device) == "downloaded")
        .await;
    assert_eq!(late.heard(), None);
}

#[tokio::test]
async fn a_broker_that_goes_away_is_come_back_to_and_devices_poll_meanwhile() {
    let token = random_token();
    let Some(mut broker) = Mosquitto::start(&[("d", &token)]) else {
        return;
    };
    let server = broker.server().await;
    server.enrol("d", "esp32c3").await;
    let device = Client::connect(Client::options(broker.plain, "d", "d", &token))
        .await
        .unwrap();
    device.say("devices/d/version", "1.0.0").await;
    server
        .device_until("d", |device| device["version"] == "1.0.0")
        .await;
    broker.stop();
    server.publish("esp32c3", &c3("1.1.0")).await;
    let body = json!({ "device_type": "esp32c3", "version": "1.0.0" });
    let response = server.post("/api/devices/d/check-in", &body).await;
    let reply: serde_json::Value = response.json().await.unwrap();
    assert_eq!(reply["offer"]["version"], "1.1.0", "polling works on");
    broker.run();
    let options = Client::options(broker.plain, "d", "d", &token);
    let mut device = Client::connect(options).await.unwrap();
    assert!(device.subscribe("devices/d/ota").await);
    server.until_connected().await;
    device.say("devices/d/version", "1.0.0").await;
    let (_, url) = device.hear().await;
    assert_eq!(server.http.get(&url).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn what_is_said_while_the_server_restarts_is_not_lost() {
    let token = random_token();
    let Some(broker) = Mosquitto::start(&[("d", &token)]) else {
        return;
    };
    let server = broker.server().await;
    server.enrol("d", "esp32c3").await;
    server.publish("esp32c3", &c3("1.1.0")).await;
    let options = Client::options(broker.plain, "d", "d", &token);
    let mut device = Client::connect(options).await.unwrap();
    assert!(device.subscribe("devices/d/ota").await);
    device.say("devices/d/version", "1.0.0").await;
    device.hear().await;
    let mut server = server;
    assert!(server.running.take().unwrap().shutdown().await);
    device.say("devices/d/ota/status", "SUCCESS").await;
    let link = broker.with_tls();
    let TestServer { dir, .. } = server;
    let server = crate::support::start_in(dir, |config| config.mqtt = Mqtt::Broker(link)).await;
    server
        .device_until("d", |device| state(device) == "downloaded")
        .await;
}

#[tokio::test]
async fn a_certificate_nobody_vouches_for_and_a_wrong_password_are_not_put_up_with() {
    let Some(broker) = Mosquitto::start(&[]) else {
        return;
    };
    let other = tempfile::tempdir().unwrap();
    certificates(other.path());
    let wrong_ca = Broker {
        ca_file: Some(other.path().join("ca.pem")),
        ..broker.with_tls()
    };
    let wrong_password = Broker {
        password: Some(random_token()),
        ..broker.with_tls()
    };
    for link in [wrong_ca, wrong_password] {
        // The server runs; devices poll.
        let server = start_with(|config| config.mqtt = Mqtt::Broker(link)).await;
        server.enrol("d", "esp32c3").await;
        server.publish("esp32c3", &c3("1.1.0")).await;
        let checked = server.check_update("d").await;
        assert_eq!(checked["sent"], "waits");
        assert_eq!(checked["offer"], "1.1.0");
    }
    let anonymous = MqttOptions::new("x", ("127.0.0.1", broker.plain.port()));
    assert!(Client::connect(anonymous).await.is_err());
}

#[tokio::test]
async fn a_broker_that_cannot_be_meant_is_refused_at_the_start() {
    for (url, code) in [
        ("http://localhost", "bad_mqtt_url"),
        ("localhost:1883", "bad_mqtt_url"),
        ("mqtt://", "bad_mqtt_url"),
        ("mqtt://user:secret@localhost", "bad_mqtt_url"),
    ] {
        let error = refused(Broker {
            url: url.to_owned(),
            password: None,
            ca_file: None,
            group: None,
        })
        .await;
        assert_eq!(error.code(), code, "{url}");
    }
    let broker = |group: &str, ca: Option<&str>| Broker {
        url: "mqtts://localhost".to_owned(),
        password: None,
        ca_file: ca.map(PathBuf::from),
        group: Some(group.to_owned()),
    };
    assert_eq!(refused(broker("a/+", None)).await.code(), "bad_mqtt_group");
    let missing = broker("a", Some("/nowhere/ca.pem"));
    assert!(matches!(
        refused(missing).await,
        StartError::Mqtt(MqttError::BadCertificates { .. })
    ));
}

#[tokio::test]
async fn the_broker_s_password_is_never_shown() {
    let secret = random_token();
    for url in [
        format!("mqtt://user:{secret}@localhost"),
        format!("mqtt://user:{secret}@localhost:port"),
        format!("mqtt://user:a@{secret}@localhost"),
        format!("mqtt://user:a/{secret}@localhost"),
        format!("mqtt://:{secret}@localhost"),
        format!("user:{secret}@localhost"),
        format!("//user:{secret}@localhost"),
    ] {
        let broker = Broker {
            url: url.clone(),
            password: Some(secret.clone()),
            ca_file: None,
            group: None,
        };
        let shown = format!("{broker:?} {:?}", Mqtt::Broker(broker.clone()));
        assert!(!shown.contains(&secret), "{shown}");
        assert!(shown.contains("localhost"), "{shown}");
        let error = refused(broker).await;
        assert_eq!(error.code(), "bad_mqtt_url", "{url}");
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains(&secret), "{shown}");
        assert!(shown.contains("localhost"), "{shown}");
    }
}

#[tokio::test]
async fn a_device_that_says_too_much_does_not_make_the_server_deaf() {
    let token = random_token();
    let Some(broker) = Mosquitto::start(&[("d", &token)]) else {
        return;
    };
    let server = broker.server().await;
    server.enrol("d", "esp32c3").await;
    server.publish("esp32c3", &c3("1.1.0")).await;
    let mut device = Client::device(broker.plain, "d", &token).await;
    device.say("devices/d/version", "1.0.0").await;
    device.hear().await;
    for number in 0..400 {
        // More than the server writes down in the time.
        for progress in 0..100 {
            let report = json!({ "status": "IN_PROGRESS", "progress": progress });
            let topic = "devices/d/ota/status";
            device.mention(topic, report.to_string()).await;
        }
        let version = format!("1.0.{number}");
        device.say("devices/d/version", version).await;
    }
    // More messages than a broker sends without being told that they were heard.
    for number in 0..40 {
        let version = format!("2.0.{number}");
        device.say("devices/d/version", version.clone()).await;
        server
            .device_until("d", |device| device["version"] == version)
            .await;
    }
}

async fn refused(broker: Broker) -> StartError {
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::new(folder.path().join("data"));
    config.mqtt = Mqtt::Broker(broker);
    Server::start(config).await.map(drop).unwrap_err()
}

#[tokio::test]
async fn two_servers_of_a_group_act_once_on_what_a_device_says() {
    let token = random_token();
    let Some(broker) = Mosquitto::start(&[("d", &token)]) else {
        return;
    };
    let grouped = || Broker {
        group: Some("nodes".to_owned()),
        ..broker.with_tls()
    };
    // Two servers without a common database: each acts on what reaches it, so that the two together must have acted
    // on every message exactly once.
    let one = start_with(|config| config.mqtt = Mqtt::Broker(grouped())).await;
    let two = start_with(|config| config.mqtt = Mqtt::Broker(grouped())).await;
    for server in [&one, &two] {
        server.until_connected().await;
        server.enrol("d", "esp32c3").await;
    }
    let before = one.metric("check_ins_total").await + two.metric("check_ins_total").await;
    let options = Client::options(broker.plain, "d", "d", &token);
    let device = Client::connect(options).await.unwrap();
    for number in 0..20 {
        device
            .say("devices/d/version", format!("1.0.{number}"))
            .await;
    }
    let all = async {
        loop {
            let now = one.metric("check_ins_total").await + two.metric("check_ins_total").await;
            if now - before >= 20 {
                return now - before;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let count = tokio::time::timeout(PATIENCE, all).await.expect("all");
    assert_eq!(count, 20);
}
