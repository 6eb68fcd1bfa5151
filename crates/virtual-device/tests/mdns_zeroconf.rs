//! Devices on a real socket are found, described and missed by an independent implementation.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::oneshot;
use updraft_agent::mdns::{Advertisement, serve};
use updraft_virtual_device::host::{HostClock, MulticastSocket};

/// The Python with zeroconf in it; `None` where there is none, which only CI does not accept.
fn python() -> Option<PathBuf> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/python-tools");
    let why = match Command::new(script).output() {
        Ok(output) if output.status.success() => {
            return Some(PathBuf::from(
                String::from_utf8(output.stdout).unwrap().trim(),
            ));
        }
        Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
        Err(error) => error.to_string(),
    };
    assert_ne!(
        std::env::var("CI").as_deref(),
        Ok("true"),
        "scripts/python-tools: {why}"
    );
    println!("skipped: scripts/python-tools gave no Python: {why}");
    None
}

fn device(name: &str, ota_port: u16) -> Advertisement<'_> {
    Advertisement {
        hostname: name,
        instance: name,
        ipv4: Ipv4Addr::LOCALHOST,
        prefix: 8,
        http_port: 8080,
        ota_port,
        board: "esp32c3",
        version: "1.2.0",
        auth: ota_port == 3232,
        slot: "ota_1",
        project: Some("beacon"),
    }
}

#[test]
fn zeroconf_sees_two_devices_come_and_go() {
    let Some(python) = python() else { return };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    // Other tests, and other programs, may be in the same group.
    let run: u32 = rand::random();
    let devices = [
        (format!("up-{run:08x}-a"), 3232),
        (format!("up-{run:08x}-b"), 3233),
    ];
    let mut leaving = Vec::new();
    let mut tasks = Vec::new();
    for (name, ota_port) in devices.clone() {
        let (leave, left) = oneshot::channel::<()>();
        leaving.push(leave);
        tasks.push(runtime.spawn(async move {
            let mut socket = MulticastSocket::new(Ipv4Addr::LOCALHOST).unwrap();
            let clock = HostClock::new(1, Arc::default());
            let left = async { left.await.unwrap() };
            serve(&mut socket, &clock, || device(&name, ota_port), left).await;
        }));
    }

    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mdns_zeroconf.py");
    let mut child = Command::new(python)
        .arg(script)
        .args(devices.iter().map(|(name, _)| name))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut errors = child.stderr.take().unwrap();
    let mut next = move || -> Value {
        let Some(line) = lines.next() else {
            let mut said = String::new();
            errors.read_to_string(&mut said).unwrap();
            panic!("mdns_zeroconf.py ended: {said}");
        };
        serde_json::from_str(&line.unwrap()).unwrap()
    };

    let seen = next();
    assert_eq!(
        seen["types"],
        json!([
            "_arduino._tcp.local.",
            "_http._tcp.local.",
            "_ota._tcp.local."
        ])
    );
    for (name, ota_port) in &devices {
        let auth = if *ota_port == 3232 { "yes" } else { "no" };
        let service = |port: u16, txt: Value| {
            json!({
                "host": format!("{name}.local."),
                "port": port,
                "addresses": ["127.0.0.1"],
                "txt": txt,
            })
        };
        let expected = json!({
            "_http._tcp.local.": service(8080, json!({
                "board": "esp32c3", "auth": auth, "version": "1.2.0",
            })),
            "_ota._tcp.local.": service(*ota_port, json!({
                "board": "esp32c3", "auth": auth, "version": "1.2.0", "slot": "ota_1", "project": "beacon",
            })),
            "_arduino._tcp.local.": service(*ota_port, json!({
                "tcp_check": "no", "ssh_upload": "no", "board": "esp32c3", "auth_upload": auth,
                "version": "1.2.0",
            })),
        });
        assert_eq!(seen["instances"][name], expected, "{name}");
    }

    for leave in leaving {
        leave.send(()).unwrap();
    }
    for task in tasks {
        runtime.block_on(task).unwrap();
    }
    assert_eq!(next(), json!("gone"));
    assert!(child.wait().unwrap().success());
}
