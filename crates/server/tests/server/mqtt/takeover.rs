//! Sessions at the embedded broker: whose they are, and when they end.

use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};

use rumqttc::{AsyncClient, ConnectReturnCode, ConnectionError, Event, MqttOptions, Packet, QoS};
use rumqttc_v4::MqttOptions as MqttOptions4;
use tokio::sync::mpsc;

use super::scene::{Client, start_embedded};

/// A client that speaks MQTT 5.
struct Client5 {
    requests: AsyncClient,
    /// The topics of messages, and nothing for an answer to a subscription.
    heard: mpsc::UnboundedReceiver<Option<String>>,
}

impl Client5 {
    async fn connect(
        broker: SocketAddr,
        (name, user, password): (&str, &str, &str),
        is_clean: bool,
    ) -> Result<Self, ConnectReturnCode> {
        let mut options = MqttOptions::new(name, (broker.ip().to_string(), broker.port()));
        options.set_credentials(user, password.to_owned());
        options.set_clean_start(is_clean);
        options.set_session_expiry_interval((!is_clean).then_some(60));
        let (requests, mut events) = AsyncClient::builder(options).capacity(64).build();
        loop {
            match events.poll().await {
                Ok(Event::Incoming(Packet::ConnAck(_))) => break,
                Ok(_) => {}
                Err(ConnectionError::ConnectionRefused(code)) => return Err(code),
                Err(error) => panic!("{error}"),
            }
        }
        let (tell, heard) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok(event) = events.poll().await {
                let _ = match event {
                    Event::Incoming(Packet::Publish(message)) => {
                        tell.send(Some(String::from_utf8_lossy(&message.topic).into_owned()))
                    }
                    Event::Incoming(Packet::SubAck(_)) => tell.send(None),
                    _ => Ok(()),
                };
            }
        });
        Ok(Self { requests, heard })
    }
}

fn options(
    broker: SocketAddr,
    name: &str,
    (user, token): (&str, &str),
    is_clean: bool,
) -> MqttOptions4 {
    let mut options = Client::options(broker, name, user, token);
    options.set_clean_session(is_clean);
    options
}

#[tokio::test]
async fn who_calls_itself_the_server_hears_nothing_and_the_server_hears_on() {
    let server = start_embedded(|_| {}).await;
    let broker = server.broker();
    let token = server.enrol("attacker", "esp32c3").await;
    let victim_token = server.enrol("victim", "esp32c3").await;
    let victim = Client::device(broker, "victim", &victim_token).await;
    for (number, is_clean) in [false, true].into_iter().enumerate() {
        let login = ("attacker", token.as_str());
        let version = |minor: u8| format!("1.{minor}.{number}");
        let is_heard = async |version: &str| {
            victim.say("devices/victim/version", version).await;
            server
                .device_until("victim", |device| device["version"] == version)
                .await;
        };
        let mut attacker = Client::connect(options(broker, "updraft", login, is_clean))
            .await
            .unwrap();
        is_heard(&version(4)).await;
        assert!(attacker.subscribe("devices/attacker/ota").await);
        assert_eq!(attacker.heard(), None);
        attacker.cut();

        let names = ("updraft", login.0, login.1);
        let mut attacker = Client5::connect(broker, names, is_clean).await.unwrap();
        is_heard(&version(5)).await;
        let own = "devices/attacker/ota";
        attacker
            .requests
            .subscribe(own, QoS::AtLeastOnce)
            .await
            .unwrap();
        assert_eq!(
            attacker.heard.recv().await,
            Some(None),
            "the answer, and no message before it"
        );
    }
}

#[tokio::test]
async fn names_as_the_server_s_own_are_nobody_else_s() {
    let server = start_embedded(|_| {}).await;
    let broker = server.broker();
    let token = server.enrol("attacker", "esp32c3").await;
    for name in ["$updraft-", "$updraft-0", "$updraft-AAAAAAAAAAAAAAAA"] {
        for is_clean in [false, true] {
            let options = options(broker, name, ("attacker", &token), is_clean);
            match Client::connect(options).await.err() {
                Some(rumqttc_v4::ConnectionError::ConnectionRefused(code)) => {
                    assert_eq!(code, rumqttc_v4::ConnectReturnCode::NotAuthorized);
                }
                other => panic!("{name} is not refused: {other:?}"),
            }
            let refused = Client5::connect(broker, (name, "attacker", &token), is_clean).await;
            assert_eq!(refused.err(), Some(ConnectReturnCode::NotAuthorized));
        }
    }
}

/// Seed 003's device leaves no will: the broker says that it is gone.
#[tokio::test]
async fn seed_003_a_device_that_came_back_over_its_live_session_is_offline_once_it_goes() {
    let server = start_embedded(|_| {}).await;
    let broker = server.broker();
    let token = server.enrol("d", "esp32c3").await;
    for is_clean in [true, false] {
        let mut device = Vec::new();
        for _ in 0..3 {
            let options = options(broker, "ESP32Client", ("d", &token), is_clean);
            let mut connection = Client::connect(options).await.unwrap();
            assert!(connection.subscribe("devices/d/ota").await);
            server.until_there("d", true).await;
            device.push(connection);
        }
        // The earlier ones are over: the last one took their place.
        device.pop().unwrap().cut();
        server.until_there("d", false).await;
    }
}

/// Many clients make up a name at each start, and the broker notices later that the one before is gone.
#[tokio::test]
async fn seed_003_a_device_that_came_back_under_another_name_is_there_until_that_ends() {
    let server = start_embedded(|_| {}).await;
    let broker = server.broker();
    let token = server.enrol("d", "esp32c3").await;
    let neighbour = server.enrol("neighbour", "esp32c3").await;
    let mut connections = Vec::new();
    for name in ["ESP32Client-1", "ESP32Client-2"] {
        let options = options(broker, name, ("d", &token), true);
        let mut connection = Client::connect(options).await.unwrap();
        assert!(connection.subscribe("devices/d/ota").await);
        connections.push(connection);
    }
    server.until_there("d", true).await;
    connections.remove(0).cut();
    // The name is free once the broker has noticed, and the server hears in turn what the broker notices.
    let mut successor = loop {
        let options = options(broker, "ESP32Client-1", ("neighbour", &neighbour), true);
        match Client::connect(options).await {
            Ok(successor) => break successor,
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
        }
    };
    assert!(successor.subscribe("devices/neighbour/ota").await);
    server.until_there("neighbour", true).await;
    assert_eq!(server.check_update("d").await["connected"], true);
    connections.remove(0).cut();
    server.until_there("d", false).await;
}

#[tokio::test]
async fn handshakes_that_fail_take_nobody_s_place() {
    // Twice as many clients as devices.
    let server = start_embedded(|config| config.limits.max_devices = 2).await;
    let broker = server.broker();
    let token = server.enrol("a", "esp32c3").await;
    let other = server.enrol("b", "esp32c3").await;
    for number in 0..10 {
        let mut options = options(broker, &format!("a-{number}"), ("a", &token), false);
        // Refused by the broker after the gate has let it pass.
        options.set_keep_alive(0);
        assert!(Client::connect(options).await.is_err());
    }
    Client::device(broker, "b", &other).await;
    Client::device(broker, "a", &token).await;
}

#[tokio::test]
async fn connections_that_break_at_once_take_nobody_s_place() {
    let server = start_embedded(|config| config.limits.max_devices = 2).await;
    let broker = server.broker();
    let token = server.enrol("a", "esp32c3").await;
    let other = server.enrol("b", "esp32c3").await;
    for number in 0..40 {
        let mut stream = TcpStream::connect(broker).unwrap();
        stream
            .write_all(&greeting(&format!("a-{number}"), "a", &token))
            .unwrap();
        // Closed before the answer is read: writing it may fail.
    }
    let begun = async {
        while Client::connect(Client::options(broker, "b", "b", &other))
            .await
            .is_err()
        {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(super::scene::PATIENCE, begun)
        .await
        .expect("a place");
}

/// An MQTT 3.1.1 CONNECT with a clean session, a name and a password.
fn greeting(name: &str, user: &str, password: &str) -> Vec<u8> {
    let mut body = b"\x00\x04MQTT\x04\xc2\x00\x05".to_vec();
    for text in [name, user, password] {
        body.extend(u16::try_from(text.len()).unwrap().to_be_bytes());
        body.extend(text.as_bytes());
    }
    let mut packet = vec![0x10, u8::try_from(body.len()).unwrap()];
    assert!(body.len() < 128);
    packet.append(&mut body);
    packet
}

#[tokio::test]
async fn one_device_holds_some_names_and_not_all() {
    let server = start_embedded(|_| {}).await;
    let broker = server.broker();
    let token = server.enrol("a", "esp32c3").await;
    let other = server.enrol("b", "esp32c3").await;
    let connect = async |number: usize| {
        let name = format!("a-{number}");
        Client::connect(options(broker, &name, ("a", &token), true)).await
    };
    let mut held = Vec::new();
    while let Ok(client) = connect(held.len()).await {
        held.push(client);
        assert!(held.len() < 100);
    }
    assert!(held.len() > 4);
    Client::device(broker, "b", &other).await;
    // One that ends makes room.
    held.remove(0).cut();
    let again = async {
        while connect(1000).await.is_err() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(super::scene::PATIENCE, again)
        .await
        .expect("a place");
}
