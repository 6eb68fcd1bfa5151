//! A client of a broker, and what it heard.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use rumqttc_v4::{
    AsyncClient, ConnectionError, Event, LastWill, MqttOptions, Packet, QoS, SubscribeReasonCode,
};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use updraft_server::{Config, Embedded, Mqtt};

use crate::support::{TestServer, start_with};

/// Longest any step may take. A failed expectation, not a measurement.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// A server with the embedded broker on a free port.
pub async fn start_embedded(tune: impl FnOnce(&mut Config)) -> TestServer {
    let server = start_with(|config| {
        config.mqtt = Mqtt::Embedded(Embedded {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        });
        tune(config);
    })
    .await;
    server.until_connected().await;
    server
}

impl TestServer {
    /// Where its embedded broker listens.
    pub fn broker(&self) -> SocketAddr {
        self.running.as_ref().unwrap().mqtt_addr.unwrap()
    }

    /// Waits until it is at its broker and hears what devices say.
    pub async fn until_connected(&self) {
        let connected = async {
            while self.json("/healthz").await["mqtt"] != "connected" {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, connected)
            .await
            .expect("a connection to the broker");
    }

    /// Asks for a check of one device, as an operator.
    pub async fn check_update(&self, id: &str) -> Value {
        let path = format!("/api/devices/{id}/check-update");
        let response = self.post(&path, &json!({})).await;
        assert_eq!(response.status(), 200);
        response.json().await.unwrap()
    }

    /// Waits until the device counts as connected, or as gone.
    pub async fn until_there(&self, id: &str, is_there: bool) {
        let noticed = async {
            while self.check_update(id).await["connected"] != is_there {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, noticed)
            .await
            .expect("noticed");
    }

    /// Waits until what the API says of a device is as expected.
    pub async fn device_until(&self, id: &str, expected: impl Fn(&Value) -> bool) -> Value {
        let path = format!("/api/devices/{id}");
        let found = async {
            loop {
                let response = self.get(&path).await;
                if response.status() == 200 {
                    let device: Value = response.json().await.unwrap();
                    if expected(&device) {
                        return device;
                    }
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        match tokio::time::timeout(PATIENCE, found).await {
            Ok(device) => device,
            Err(tokio::time::error::Elapsed { .. }) => panic!("{id}: {:#}", self.json(&path).await),
        }
    }
}

/// The state of the latest deployment.
pub fn state(device: &Value) -> &str {
    device["deployments"][0]["state"].as_str().unwrap_or("none")
}

/// A client of a broker.
pub struct Client {
    requests: AsyncClient,
    messages: mpsc::UnboundedReceiver<(String, String)>,
    granted: mpsc::UnboundedReceiver<bool>,
    task: tokio::task::JoinHandle<()>,
}

impl Client {
    /// How a device logs in.
    pub fn options(broker: SocketAddr, name: &str, user: &str, password: &str) -> MqttOptions {
        let mut options = MqttOptions::new(name, (broker.ip().to_string(), broker.port()));
        options.set_credentials(user, password.to_owned());
        options.set_keep_alive(5);
        options
    }

    /// Connects; an error if the broker refuses.
    pub async fn connect(options: MqttOptions) -> Result<Self, ConnectionError> {
        let (client, mut events) = AsyncClient::builder(options).capacity(64).build();
        loop {
            if let Event::Incoming(Packet::ConnAck(_)) = events.poll().await? {
                break;
            }
        }
        let (heard, messages) = mpsc::unbounded_channel();
        let (answered, granted) = mpsc::unbounded_channel();
        // Ends with the client, or when the broker drops it.
        let task = tokio::spawn(async move {
            while let Ok(event) = events.poll().await {
                match event {
                    Event::Incoming(Packet::Publish(message)) => {
                        let topic = String::from_utf8_lossy(&message.topic).into_owned();
                        let payload = String::from_utf8_lossy(&message.payload).into_owned();
                        let _ = heard.send((topic, payload));
                    }
                    Event::Incoming(Packet::SubAck(answer)) => {
                        let all = answer
                            .return_codes
                            .iter()
                            .all(|code| matches!(code, SubscribeReasonCode::Success(_)));
                        let _ = answered.send(all);
                    }
                    _ => {}
                }
            }
        });
        Ok(Self {
            requests: client,
            messages,
            granted,
            task,
        })
    }

    /// A device with its own token, subscribed to its orders.
    pub async fn device(broker: SocketAddr, id: &str, token: &str) -> Self {
        let mut options = Self::options(broker, id, id, token);
        let will = LastWill::new(
            format!("devices/{id}/presence"),
            "offline",
            QoS::AtLeastOnce,
            false,
        );
        options.set_last_will(will);
        let mut device = Self::connect(options).await.unwrap();
        assert!(device.subscribe(&format!("devices/{id}/ota")).await);
        device
    }

    /// Subscribes; whether it was granted.
    pub async fn subscribe(&mut self, filter: &str) -> bool {
        self.requests
            .subscribe(filter, QoS::AtLeastOnce)
            .await
            .unwrap();
        tokio::time::timeout(PATIENCE, self.granted.recv())
            .await
            .expect("an answer")
            .unwrap_or(false)
    }

    pub async fn say(&self, topic: &str, payload: impl Into<Vec<u8>>) {
        self.requests
            .publish(topic, QoS::AtLeastOnce, false, payload)
            .await
            .unwrap();
    }

    /// Says what may be lost.
    pub async fn mention(&self, topic: &str, payload: impl Into<Vec<u8>>) {
        self.requests
            .publish(topic, QoS::AtMostOnce, false, payload)
            .await
            .unwrap();
    }

    /// The next message.
    pub async fn hear(&mut self) -> (String, String) {
        tokio::time::timeout(PATIENCE, self.messages.recv())
            .await
            .expect("a message")
            .expect("a connection")
    }

    /// What has arrived and was not looked at.
    pub fn heard(&mut self) -> Option<(String, String)> {
        self.messages.try_recv().ok()
    }

    /// Cuts the connection, as a power cut does: no goodbye.
    pub fn cut(self) {
        self.task.abort();
    }
}

/// Python with what scripts/python-tools installs; none where that cannot be had, which only CI does not accept.
pub fn python() -> Option<PathBuf> {
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../scripts/python-tools");
    let made = Command::new(script).stderr(Stdio::inherit()).output();
    match made {
        Ok(output) if output.status.success() => Some(PathBuf::from(
            String::from_utf8(output.stdout).unwrap().trim(),
        )),
        other => {
            skipped(&format!("no Python with paho-mqtt: {other:?}"));
            None
        }
    }
}

/// Says what could not be tested. Only CI does not accept it.
pub fn skipped(why: &str) {
    use std::io::Write as _;
    assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{why}");
    // Printed past the capture of a passing test.
    let _ = std::io::stderr().write_all(format!("skipped: {why}\n").as_bytes());
}
