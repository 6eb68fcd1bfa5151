//! `updraft espota` and `updraft discover` against `updraft sim device`: nothing but the two commands.

mod support;

use std::hash::{BuildHasher as _, RandomState};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::LazyLock;

use support::{Updraft, fixture, json};

/// `updraft sim device` with its power on.
struct Device {
    child: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
    seen: Vec<String>,
}

impl Device {
    fn start(flash: &Path, password: Option<&str>, options: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_updraft"));
        command
            .env_clear()
            .envs(password.map(|password| ("UPDRAFT_ESPOTA_PASSWORD", password)))
            .args(["sim", "device", "--no-server", "--stability", "1"])
            .args(["--http-port", "0", "--ota-port", "0", "--flash"])
            .arg(flash)
            .args(options);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self {
            child,
            lines,
            seen: Vec::new(),
        }
    }

    /// The next line with these words.
    fn wait_for(&mut self, words: &str) -> String {
        for line in self.lines.by_ref() {
            let line = line.unwrap();
            self.seen.push(line.clone());
            if line.contains(words) {
                return line;
            }
        }
        panic!("no {words:?} in {:#?}", self.seen);
    }

    /// Its OTA port, once its app runs.
    fn port(&mut self) -> String {
        let line = self.wait_for("push to http://127.0.0.1:");
        self.wait_for("running 1.0.0 from factory");
        let port = line.rsplit(':').next().unwrap();
        port.trim_end_matches("/update").to_owned()
    }
}

/// A password of this run.
static PASSWORD: LazyLock<String> =
    LazyLock::new(|| format!("{:016x}", RandomState::new().hash_one(0)));

impl Drop for Device {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn our_client_flashes_our_device() {
    let folder = tempfile::tempdir().unwrap();
    let flash = folder.path().join("one.bin");
    let mut device = Device::start(&flash, Some(&PASSWORD), &[]);
    let port = device.port();
    let app = fixture("updraft-c3-1.1.0.bin");
    let arguments = ["espota", "127.0.0.1", &app, "--port", &port, "--json"];

    let run = Updraft::new().run(&arguments);
    assert_eq!(run.code, 3, "{}", run.stderr);
    assert_eq!(json(&run.stderr)["error"]["code"], "password_needed");

    let wrong_chip = fixture("updraft-c6-1.0.0.bin");
    let knowing = || Updraft::new().env("UPDRAFT_ESPOTA_PASSWORD", PASSWORD.as_str());
    let run = knowing().run(&[
        "espota",
        "127.0.0.1",
        &wrong_chip,
        "--port",
        &port,
        "--json",
    ]);
    assert_eq!(run.code, 7, "{}", run.stderr);
    let error = json(&run.stderr)["error"].clone();
    assert_eq!(error["code"], "device_failed");
    assert!(
        error["message"].as_str().unwrap().contains("wrong_chip"),
        "{error}"
    );

    let run = knowing().run(&arguments);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(json(&run.stdout)["authentication"], "sha256");
    device.wait_for("running 1.1.0 from ota_0");
    device.wait_for("1.1.0 is confirmed");
}

#[test]
fn our_browser_finds_our_device() {
    let folder = tempfile::tempdir().unwrap();
    let flash = folder.path().join("two.bin");
    // A name no other run has in this group.
    let name = format!("sim-{}", std::process::id());
    let mut device = Device::start(&flash, None, &["--mdns", "--hostname", &name]);
    let port: u16 = device.port().parse().unwrap();
    let run = Updraft::new().run(&[
        "discover",
        "--interface",
        "127.0.0.1",
        "--timeout",
        "8s",
        "--json",
    ]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let document = json(&run.stdout);
    let devices = document["devices"].as_array().unwrap();
    let found = devices.iter().find(|device| device["name"] == *name);
    let found = found.unwrap_or_else(|| panic!("no {name} in {document}"));
    assert_eq!(found["host"], format!("{name}.local"));
    assert_eq!(found["ota_port"], port);
    assert_eq!(found["espota_port"], port);
    assert_eq!(found["board"], "esp32c3");
    assert_eq!(found["version"], "1.0.0");
    assert_eq!(found["slot"], "factory");
    assert_eq!(found["project"], "updraft-c3");
    assert_eq!(found["auth"], false);
}

#[test]
fn names_and_addresses_that_cannot_be_announced_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let flash = folder.path().join("three.bin");
    let flash = flash.to_str().unwrap();
    for (options, code) in [
        (&["--hostname", "living room"][..], "hostname"),
        (&["--address", "::1"], "mdns_address"),
        (&["--address", "0.0.0.0"], "mdns_address"),
    ] {
        let mut arguments = vec!["sim", "device", "--json", "--mdns", "--flash", flash];
        arguments.extend(options);
        let run = Updraft::new().run(&arguments);
        assert_eq!(run.code, 2, "{options:?}: {}", run.stderr);
        assert_eq!(json(&run.stderr)["error"]["code"], code, "{options:?}");
    }
}

/// What the device serves at `/`, once it serves anything.
fn page(port: &str) -> String {
    use std::io::{Read as _, Write as _};
    let mut stream = std::net::TcpStream::connect(format!("127.0.0.1:{port}")).unwrap();
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: device\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn web_assets_go_to_our_device_by_push_and_by_espota() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let pack = |title: &str| {
        let dist = at(title);
        std::fs::create_dir(&dist).unwrap();
        let page = format!("<!doctype html><title>{title}</title>");
        std::fs::write(format!("{dist}/index.html"), page).unwrap();
        let image = at(&format!("{title}.bin"));
        let run = Updraft::new().run(&["www", "pack", &dist, "-o", &image, "--size", "1M"]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        image
    };
    let (first, second) = (pack("first"), pack("second"));
    let options = ["--layout", "three-slots16mb", "--speed", "10"];
    let mut device = Device::start(Path::new(&at("flash.bin")), None, &options);
    let port = device.port();

    let run = Updraft::new().run(&[
        "push",
        "127.0.0.1",
        &first,
        "--port",
        &port,
        "--frontend",
        "--json",
    ]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(json(&run.stdout)["outcome"], "confirmed");
    assert!(page(&port).contains("<title>first</title>"));

    let run = Updraft::new().run(&[
        "espota",
        "127.0.0.1",
        &second,
        "--port",
        &port,
        "--filesystem",
        "--json",
    ]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    device.wait_for("an update by espota goes to www_0");
    device.wait_for("is confirmed");
    assert!(page(&port).contains("<title>second</title>"));
}
