//! `updraft rollout` end to end: a real server, virtual devices, a rollout that completes and one that halts itself.

mod support;

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use support::server::Server;
use support::{fixture, json};

/// Devices of the fleet.
const DEVICES: usize = 4;

/// Far longer than any of it takes.
const PATIENCE: Duration = Duration::from_mins(3);

fn publish(server: &Server, version: &str) {
    let file = fixture(&format!("updraft-c3-{version}.bin"));
    let run = server.admin().run(&[
        "release",
        "publish",
        &file,
        "--type",
        "esp32c3",
        "--testing",
        "--quiet",
    ]);
    assert_eq!(run.code, 0, "{}", run.stderr);
}

fn ask(server: &Server, arguments: &[&str]) -> Value {
    let run = server.admin().run(&[&["--json"], arguments].concat());
    assert_eq!(run.code, 0, "{arguments:?}: {}", run.stderr);
    json(&run.stdout)
}

/// A fleet that lives as long as this.
struct Fleet(Child);

impl Fleet {
    fn start(server: &Server) -> Self {
        let key = std::fs::read_to_string(server.data().join("enrolment-key")).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_updraft"))
            .env_clear()
            .env("UPDRAFT_SERVER", &server.url)
            .env("UPDRAFT_ENROLMENT_KEY", key.trim())
            .args(["sim", "fleet", "--speed", "100", "--spread", "0", "-n"])
            .arg(DEVICES.to_string())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let fleet = Self(child);
        let began = Instant::now();
        loop {
            let list = ask(server, &["device", "list", "--version", "1.0.0"]);
            if list["devices"].as_array().unwrap().len() == DEVICES {
                return fleet;
            }
            assert!(began.elapsed() < PATIENCE, "{list}");
            std::thread::yield_now();
        }
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_good_release_reaches_everybody_and_a_bad_one_halts_itself() {
    let server = Server::start(&["--poll-interval", "10s"]);
    publish(&server, "1.1.0");
    let _fleet = Fleet::start(&server);

    let good = ask(
        &server,
        &[
            "rollout", "create", "esp32c3", "1.1.0", "--stages", "1,100%",
        ],
    );
    assert_eq!(good["state"], "draft");
    let id = good["id"].as_str().unwrap();
    let counted = ask(&server, &["rollout", "preview", id]);
    assert_eq!(counted["eligible"], DEVICES);
    ask(&server, &["rollout", "start", id]);
    let watched = server.admin().run(&["--json", "rollout", "watch", id]);
    assert_eq!(watched.code, 0, "{}", watched.stderr);
    let done = json(&watched.stdout);
    assert_eq!(done["state"], "completed");
    assert_eq!(done["counts"]["confirmed"], DEVICES);

    // 1.2.0 panics at boot.
    publish(&server, "1.2.0");
    let bad = ask(
        &server,
        &[
            "rollout",
            "create",
            "esp32c3",
            "1.2.0",
            "--stages",
            "1,100%",
            "--trip",
            "rolled_back=1",
            "--start",
        ],
    );
    let id = bad["id"].as_str().unwrap();
    let watched = server.admin().run(&["--json", "rollout", "watch", id]);
    assert_eq!(watched.code, 7, "{}", watched.stderr);
    let halted = json(&watched.stdout);
    assert_eq!(halted["state"], "halted");
    assert_eq!(
        halted["counts"]["rolled_back"], 1,
        "one device, and no more"
    );
    let shown = server.admin().run(&["rollout", "show", id]);
    assert!(shown.stdout.contains("halted"), "{}", shown.stdout);
    let without = server.admin().run(&["--json", "rollout", "resume", id]);
    assert_eq!(without.code, 6, "{}", without.stderr);
    let list = ask(&server, &["rollout", "list", "--state", "halted"]);
    assert_eq!(list["rollouts"].as_array().unwrap().len(), 1);
    ask(
        &server,
        &["rollout", "cancel", id, "--note", "the build is bad"],
    );
}

#[test]
fn what_is_no_plan_is_said_before_anything_is_sent() {
    let server = Server::start(&[]);
    for arguments in [
        ["--stages", "10%:soon"],
        ["--trip", "bricked=1"],
        ["--to", "planet=mars"],
        ["--window", "3-5"],
    ] {
        let run = server
            .admin()
            .run(&[&["rollout", "create", "esp32c3", "1.1.0"], &arguments[..]].concat());
        assert_eq!(run.code, 2, "{arguments:?}: {}", run.stderr);
    }
    let unknown = server.admin().run(&["rollout", "show", "nothing"]);
    assert_eq!(unknown.code, 4, "{}", unknown.stderr);
}

#[test]
fn a_plan_is_read_from_a_file_and_flags_win() {
    let server = Server::start(&[]);
    publish(&server, "1.1.0");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("plan.toml");
    std::fs::write(
        &file,
        "required = true\n[target]\nregions = [\"eu\"]\n[[stages]]\nsize = { share_bp = 10000 }\n",
    )
    .unwrap();
    let plan = file.to_str().unwrap();
    let draft = ask(
        &server,
        &[
            "rollout",
            "create",
            "esp32c3",
            "1.1.0",
            "--plan",
            plan,
            "--to",
            "region=us",
            "--trip",
            "lost=3",
            "--name",
            "two regions",
        ],
    );
    assert_eq!(draft["plan"]["required"], true);
    assert_eq!(
        draft["plan"]["target"]["regions"],
        serde_json::json!(["eu", "us"])
    );
    assert_eq!(draft["plan"]["trips"][0]["count"], 3);
    assert_eq!(draft["steps"].as_array().unwrap().len(), 1);
}

#[test]
fn a_plan_is_rehearsed_without_a_server_and_a_rollout_with_its_devices() {
    let alone = support::Updraft::new().run(&[
        "--json",
        "rollout",
        "rehearse",
        "--devices",
        "10000",
        "--poll",
        "6h",
        "--stages",
        "10%:24h,50%rest:12h,100%",
    ]);
    assert_eq!(alone.code, 0, "{}", alone.stderr);
    let report = json(&alone.stdout);
    assert_eq!(report["outcome"]["confirmed"], 10_000);
    assert_eq!(report["outcome"]["steps"][0]["devices"], 1000);
    assert_eq!(report["odds"]["chance"], 1.0, "2 % is caught");
    let text = support::Updraft::new().run(&["rollout", "rehearse", "--devices", "1000"]);
    assert!(
        text.stdout.contains("1000 devices") && text.stdout.contains("2.00 %"),
        "{}",
        text.stdout
    );
    let nothing = support::Updraft::new().run(&["rollout", "rehearse"]);
    assert_eq!(nothing.code, 2, "{}", nothing.stderr);

    let server = Server::start(&[]);
    publish(&server, "1.1.0");
    let draft = ask(&server, &["rollout", "create", "esp32c3", "1.1.0"]);
    let id = draft["id"].as_str().unwrap();
    let known = ask(&server, &["rollout", "rehearse", id]);
    assert_eq!(known["devices"], 0, "the server knows none");
    let made_up = ask(&server, &["rollout", "rehearse", id, "--devices", "500"]);
    assert_eq!(made_up["outcome"]["confirmed"], 500);
    let bytes = made_up["outcome"]["bytes"].as_u64().unwrap();
    assert_eq!(bytes % 500, 0, "so many times the image");
    let both = server
        .admin()
        .run(&["rollout", "rehearse", id, "--required"]);
    assert_eq!(both.code, 2, "{}", both.stderr);
}
