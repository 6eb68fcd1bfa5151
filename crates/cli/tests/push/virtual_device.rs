//! The virtual device, which is the real updater over real sockets.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use crate::support::{Run, Updraft, fixture, json, repository};

/// Makes the device's 30 s less than one of ours.
const SPEED: &str = "50";

struct Device {
    child: Child,
    address: String,
    _folder: tempfile::TempDir,
}

impl Device {
    fn start(options: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_updraft"))
            .env_clear()
            .current_dir(folder.path())
            .args([
                "sim",
                "device",
                "--flash",
                "flash.bin",
                "--id",
                "garden",
                "--no-server",
            ])
            .args(["--speed", SPEED, "--http-port", "0", "--ota-port", "0"])
            .args(options)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = lines.find_map(|line| {
            let (_, url) = line
                .ok()?
                .split_once("push to http://")
                .map(|(a, b)| (a.len(), b.to_owned()))?;
            Some(url.split('/').next()?.to_owned())
        });
        // Nobody reads on, but a full pipe must not stop the device.
        std::thread::spawn(move || lines.for_each(drop));
        Self {
            child,
            address: address.unwrap(),
            _folder: folder,
        }
    }

    fn push(&self, updraft: Updraft, version: &str) -> Run {
        let file = fixture(&format!("updraft-c3-{version}.bin"));
        updraft.run(&["push", &self.address, &file, "--json"])
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_good_version_is_confirmed_and_a_bad_one_is_rolled_back() {
    let device = Device::start(&[]);
    let run = device.push(Updraft::new(), "1.1.0");
    assert_eq!(run.code, 0, "{}", run.stderr);
    let result = json(&run.stdout);
    assert_eq!(result["outcome"], "confirmed");
    assert_eq!(result["slot"], "ota_0");
    assert_eq!(result["state"], "valid");

    let run = device.push(Updraft::new(), "1.2.0");
    assert_eq!(run.code, 8, "{}", run.stderr);
    let result = json(&run.stdout);
    assert_eq!(result["version"], "1.1.0");
    assert_eq!(result["detail"], "the new app panicked");

    let run = device.push(Updraft::new(), "1.0.0");
    assert_eq!(run.code, 6, "{}", run.stderr);
    let file = fixture("updraft-c3-1.0.0.bin");
    let run = Updraft::new().run(&["push", &device.address, &file, "--allow-downgrade"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(
        run.stdout.contains("1.0.0 runs from ota_1, confirmed"),
        "{}",
        run.stdout
    );
}

#[test]
fn its_token_opens_it() {
    let device = Device::start(&["--push-token", "let-me-in"]);
    assert_eq!(device.push(Updraft::new(), "1.1.0").code, 3);
    let wrong = Updraft::new().env("UPDRAFT_PUSH_TOKEN", "let-me-out");
    let run = device.push(wrong, "1.1.0");
    assert_eq!(run.code, 3, "{}", run.stderr);
    assert!(run.stderr.contains("push_token_wrong"), "{}", run.stderr);
    let right = Updraft::new().env("UPDRAFT_PUSH_TOKEN", "let-me-in");
    let run = device.push(right, "1.1.0");
    assert_eq!(run.code, 0, "{}", run.stderr);
}

#[test]
fn seed_001s_sequence_passes() {
    let run = Command::new(repository().join("scripts/seed-001"))
        .env("UPDRAFT", env!("CARGO_BIN_EXE_updraft"))
        .env("SPEED", SPEED)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stdout).into_owned();
    let complaints = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{said}{complaints}");
    for version in ["1.2.0", "1.3.0", "1.4.0", "1.5.0"] {
        assert!(
            said.contains(&format!("{version} was rolled back: ")),
            "{said}"
        );
    }
}
