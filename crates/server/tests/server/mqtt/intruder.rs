//! An independent client at the embedded broker, as a device with a token of its own.

use std::path::PathBuf;
use std::process::Stdio;

use serde_json::Value;
use tokio::process::Command;

use super::scene::{Client, python, start_embedded};
use super::seed_003::{Device, event};
use crate::support::images::{c3, sha256};

#[tokio::test]
async fn seed_003_s_own_device_updates_at_the_embedded_broker() {
    let Some(python) = python() else { return };
    let server = start_embedded(|_| {}).await;
    let token = server.enrol("beacon-17", "esp32c3").await;
    server.publish("esp32c3", &c3("1.1.0")).await;
    let device = Device::new(&python, server.broker(), "beacon-17", &token, "1.0.0");
    let events = device.with(&["--new-version", "1.1.0"]).live().await;
    assert_eq!(event(&events, "fetched")["sha256"], sha256(&c3("1.1.0")));
    assert_eq!(event(&events, "ordered")["retained"], false);
    server
        .device_until("beacon-17", |device| device["version"] == "1.1.0")
        .await;
}

#[tokio::test]
async fn what_is_another_s_is_refused_to_paho_over_3_1_1_and_5() {
    let Some(python) = python() else { return };
    let server = start_embedded(|_| {}).await;
    let token = server.enrol("intruder", "esp32c3").await;
    let victim_token = server.enrol("victim", "esp32c3").await;
    let mut victim = Client::device(server.broker(), "victim", &victim_token).await;
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/server/mqtt/intruder.py");
    let output = Command::new(python)
        .arg(script)
        .args(["--port", &server.broker().port().to_string()])
        .args(["--id", "intruder", "--token", &token, "--victim", "victim"])
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{text}\n{errors}");
    let events: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    event(&events, "end");
    for event in &events {
        let code = event["code"].as_u64();
        match event["event"].as_str().unwrap() {
            "wrong token" | "will" => assert!(code.unwrap() > 0, "{event}"),
            "own will" => assert_eq!(code, Some(0), "{event}"),
            "subscribed" => {
                let granted = event["codes"][0].as_u64().unwrap() < 0x80;
                assert_eq!(granted, event["topic"] == "devices/intruder/ota", "{event}");
            }
            _ => {}
        }
    }
    // The last thing it said for itself was heard, so that everything before was, too.
    server
        .device_until("intruder", |device| device["version"] == "1.0.1")
        .await;
    assert_eq!(victim.heard(), None, "nothing reached the other device");
    let victim = server.json("/api/devices/victim").await;
    assert_eq!(victim["version"], Value::Null, "nobody spoke for it");
}
