//! `updraft sim chip`: the real firmware on an emulated chip. `make firmware-qemu` builds the images.

mod support;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use support::server::Server;
use support::{Run, Updraft, json, repository};

/// The chip's time runs so much faster at most, and it is a slow one: what the host has to do is small.
const SPEED: &str = "20";
const MIPS: &str = "10";

/// Longest any step may take. A failed expectation, not a measurement.
const PATIENCE: Duration = Duration::from_mins(2);

/// The image of a version, if it was built; where everything has to be tested it must be.
fn app(version: &str) -> Option<String> {
    let path = repository().join(format!("target/firmware/qemu/updraft-c3-{version}.bin"));
    let path = path.to_str().unwrap().to_owned();
    if Path::new(&path).exists() {
        return Some(path);
    }
    let words = format!("{path} is not there; make firmware-qemu builds it");
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{words}");
    eprintln!("skipped: {words}");
    None
}

/// A running chip and the ports of this machine that lead to it.
struct Chip {
    child: Child,
    lines: Receiver<String>,
    folder: tempfile::TempDir,
    _server: Server,
    http: u16,
    push: u16,
    espota: u16,
}

impl Chip {
    /// A board with 1.0.0 and a server, which a new app has to reach; `None` where there are no images.
    fn start() -> Option<Self> {
        let app = app("1.0.0")?;
        let server = Server::start(&[]);
        let port = server.url.rsplit(':').next().unwrap().trim_end_matches('/');
        let address = format!("server=http://10.0.2.2:{port}");
        let key = format!(
            "enrolment_key={}",
            server.data().join("enrolment-key").display()
        );
        let table = repository().join("firmware/partitions/4mb-two-slots.csv");
        let folder = tempfile::tempdir().unwrap();
        let flash = folder.path().join("flash.bin");
        let flash = flash.to_str().unwrap();
        let table = table.to_str().unwrap();
        let run = Updraft::new().run(&[
            "image",
            "flash",
            "--partitions",
            table,
            "--app",
            &app,
            "--flash-size",
            "4M",
            "--output",
            flash,
            "--set",
            "stability_s=5",
            "--set",
            &address,
            "--set-file",
            &key,
        ]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        let mut child = Command::new(env!("CARGO_BIN_EXE_updraft"))
            .env_clear()
            .current_dir(folder.path())
            .args([
                "sim",
                "chip",
                "flash.bin",
                "--json",
                "--speed",
                SPEED,
                "--mips",
                MIPS,
            ])
            .args([
                "--forward",
                "0:80",
                "--forward",
                "0:3232",
                "--forward",
                "udp:0:3232",
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, lines) = channel();
        let pipe = BufReader::new(child.stdout.take().unwrap());
        // Read to the end whether anybody listens: a full pipe must not stop the chip.
        std::thread::spawn(move || {
            for line in pipe.lines() {
                let event = json(&line.unwrap())["event"].as_str().unwrap().to_owned();
                eprintln!("{event}");
                let _ = sender.send(event);
            }
        });
        let mut chip = Self {
            child,
            lines,
            folder,
            _server: server,
            http: 0,
            push: 0,
            espota: 0,
        };
        let port = |line: &str| {
            let address = line.split(' ').nth(1).unwrap();
            address.rsplit(':').next().unwrap().parse().unwrap()
        };
        chip.http = port(&chip.says("chip's port 80"));
        chip.push = port(&chip.says("chip's port 3232"));
        chip.espota = port(&chip.says("chip's port 3232"));
        Some(chip)
    }

    /// Waits for the next line that holds these words.
    fn says(&self, words: &str) -> String {
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) if line.contains(words) => return line,
                Ok(_) => {}
                Err(error) => panic!("the chip never said {words:?}: {error}"),
            }
        }
    }

    fn push(&self, version: &str) -> Run {
        let address = format!("127.0.0.1:{}", self.push);
        let app = app(version).unwrap();
        Updraft::new().run(&["push", &address, &app, "--json"])
    }

    /// Asks the device for a page.
    fn get(&self, path: &str) -> String {
        let mut connection = TcpStream::connect(("127.0.0.1", self.http)).unwrap();
        let head = format!("GET {path} HTTP/1.1\r\nHost: device\r\nConnection: close\r\n\r\n");
        connection.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200 "), "{answer}");
        body.to_owned()
    }

    /// Presses Ctrl-C; gives the exit code.
    fn interrupt(&mut self) -> Option<i32> {
        let pid = self.child.id().to_string();
        let asked = Command::new("kill").args(["-INT", &pid]).status().unwrap();
        assert!(asked.success());
        self.child.wait().unwrap().code()
    }
}

impl Drop for Chip {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_board_is_updated_by_hand_in_every_way_there_is() {
    let Some(mut chip) = Chip::start() else {
        return;
    };
    chip.says("10.0.2.15");
    let page = chip.get("/");
    assert!(page.contains("<html") && page.contains("update"), "{page}");

    let port = chip.espota.to_string();
    let app = app("1.1.0").unwrap();
    let run = Updraft::new().run(&["espota", "127.0.0.1", &app, "--port", &port, "--json"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    chip.says("1.1.0 is confirmed");
    let status = json(&chip.get("/api/ota/status"));
    assert_eq!(status["running"]["version"], "1.1.0", "{status:#}");
    assert_eq!(status["bootloader"], "no_rollback", "{status:#}");

    let run = chip.push("1.2.0");
    assert_eq!(run.code, 8, "{}", run.stderr);
    let result = json(&run.stdout);
    assert_eq!(result["version"], "1.1.0", "{result:#}");
    assert_eq!(result["detail"], "the new app panicked", "{result:#}");

    let log = chip.get("/api/ota/log");
    for word in ["espota", "confirmed", "push", "rolled_back"] {
        assert!(log.contains(word), "{word}: {log}");
    }
    assert_eq!(chip.interrupt(), Some(130));

    // What the firmware wrote is in the file, which is free again.
    let flash = std::fs::read(chip.folder.path().join("flash.bin")).unwrap();
    assert_eq!(flash.len(), 4 << 20);
    let new = std::fs::read(app).unwrap();
    assert_eq!(flash[0x20_0000..][..new.len()], new, "1.1.0 is in ota_1");
}

#[test]
fn a_file_that_is_no_flash_is_said_so() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| -> PathBuf {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let run = |path: &Path| Updraft::new().run(&["sim", "chip", path.to_str().unwrap()]);

    let missing = run(&folder.path().join("none.bin"));
    assert_eq!(missing.code, 4, "{}", missing.stderr);
    assert!(missing.stderr.contains("none.bin"), "{}", missing.stderr);

    let short = run(&file("short.bin", &[0xFF; 1000]));
    assert_eq!(short.code, 6, "{}", short.stderr);
    for words in ["flash_file_wrong_size", "1000 bytes", "updraft image flash"] {
        assert!(short.stderr.contains(words), "{}", short.stderr);
    }

    let blank = run(&file("blank.bin", &vec![0xFF; 4 << 20]));
    assert_eq!(blank.code, 7, "{}", blank.stderr);
    assert!(blank.stderr.contains("partition table"), "{}", blank.stderr);
}
